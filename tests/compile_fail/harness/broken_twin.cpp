// fault: the twin without BITNET_WRONG does not compile
#ifdef BITNET_WRONG  // expect-error "a sentence"
static_assert(sizeof(char) == 2, "a sentence");
#else
int value = undeclared;
#endif
int main() {}

// fault: fails with other words than
#ifdef BITNET_WRONG
static_assert(sizeof(char) == 2, "a sentence");  // expect-error "another sentence"
#endif
int main() {}

// fault: says no // expect-error
#ifdef BITNET_WRONG
static_assert(sizeof(char) == 2, "a sentence");
#endif
int main() {}

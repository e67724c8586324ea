// fault: compiles with BITNET_WRONG, but should not
#ifdef BITNET_WRONG  // expect-error "narrowing"
int value = 1;
#endif
int main() {}

#include <bitnet/eval/machine_speed.hpp>

#include <doctest/doctest.h>

using namespace bitnet;

TEST_CASE("the speed of this machine is more than nothing and less than any machine's") {
    const MachineSpeed speed = machine_speed(1);
    CHECK(speed.threads == 1);
    CHECK(speed.read_bytes > 1e7);
    CHECK(speed.read_bytes < 1e13);
    CHECK(speed.int8_products > 1e7);
    CHECK(speed.int8_products < 1e14);
    CHECK(speed.fp32_products > 1e7);
    CHECK(speed.fp32_products < 1e14);
    CHECK_FALSE(speed.int8_instructions.empty());
    CHECK_FALSE(speed.fp32_instructions.empty());
    CHECK(machine_speed(0).threads == thread_count(0));
}

TEST_CASE("both ways of reading see every whole step of the bytes") {
    std::vector<std::byte> bytes(1024);
    for (std::size_t i = 0; i < bytes.size(); i += 256) {
        bytes[i] = std::byte{1};
        for (const Read how : {Read{1, 0}, Read{2, 0}, Read{1, 1024}})
            CHECK((detail::read_words(bytes.data(), bytes.size(), how) & 1) == (i / 256 + 1) % 2);
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx2"))
            for (const Read how : {Read{1, 0}, Read{2, 0}, Read{4, 0}, Read{1, 1024}})
                CHECK((detail::read_avx2(bytes.data(), bytes.size(), how) & 1) == (i / 256 + 1) % 2);
#endif
    }
}

TEST_CASE("every loop of products that this machine has is timed, the plain ones too") {
    for (const detail::MultiplyLoop& loop :
         {detail::int8_loop(), detail::fp32_loop(), detail::MultiplyLoop{detail::multiply_int16_loop, 128, "plain"},
          detail::MultiplyLoop{detail::multiply_fp32_loop, 64, "plain"}}) {
        CHECK(seconds_of([&] { CHECK(loop.run(1000) < 1e9); }) > 0);
        CHECK(loop.per_round > 0);
    }
}

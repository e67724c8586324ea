#include <bitnet/train/batches.hpp>

#include <doctest/doctest.h>

#include <map>

using bitnet::Batch;
using bitnet::BatchSource;

namespace {

std::vector<std::vector<std::uint32_t>> documents() {
    std::vector<std::vector<std::uint32_t>> out;
    std::uint32_t id = 0;
    for (const std::size_t length : {5u, 1u, 9u, 4u, 12u, 0u, 2u}) {
        out.emplace_back();
        for (std::size_t i = 0; i < length; ++i) out.back().push_back(id++);
    }
    return out;
}

}  // namespace

TEST_CASE("an epoch deals out every window once, none longer than the context, in batches no longer than they may be") {
    BatchSource source(documents(), 4, 10, 3);
    std::map<std::uint32_t, int> seen;
    while (source.position().epoch == 0 && source.position().window < source.windows()) {
        const Batch batch = source.next();
        CHECK(batch.ids.size() <= 10);
        CHECK(batch.longest() <= 4);
        for (const std::uint32_t id : batch.ids) ++seen[id];
    }
    CHECK(source.windows() == 8);  // 5 = 4 and an end of one, which nothing follows; 9 likewise
    for (const auto& [id, times] : seen) CHECK(times == 1);
    CHECK(seen.size() == 33 - 1 - 1 - 1);
}

TEST_CASE("batches are counted for as many epochs as one likes, whole or begun") {
    BatchSource source(documents(), 4, 10, 3);
    std::uint64_t dealt = 0;
    for (const std::uint64_t epochs : {1u, 2u, 3u}) {
        while (source.epochs_completed() < epochs) ++dealt, source.next();
        CHECK(source.batches_in(static_cast<double>(epochs)) == dealt);
    }
    const std::uint64_t one = source.batches_in(1);
    CHECK(source.batches_in(0.5) == (one + 1) / 2);
    CHECK(source.batches_in(1e-6) == 1);
    CHECK(source.batches_in(1.01) == one + 1);
}

TEST_CASE("epochs are counted with the part of the last one that was dealt out") {
    BatchSource source(documents(), 4, 10, 3);
    CHECK(source.epochs() == 0);
    double last = 0;
    for (int i = 0; i < 20; ++i) {
        const std::uint64_t before = source.position().window % source.windows();
        const std::uint64_t epoch = source.epochs_completed();
        source.next();
        CHECK(source.epochs() == static_cast<double>(epoch) + static_cast<double>(source.position().window) / static_cast<double>(source.windows()));
        CHECK(source.position().window > before);
        CHECK(source.epochs() > last);
        last = source.epochs();
    }
    CHECK(last > 2);
}

TEST_CASE("epochs differ in their order, and a restored position goes on with the batch that would have come") {
    BatchSource source(documents(), 4, 10, 3);
    std::vector<std::vector<std::uint32_t>> first, second;
    while (source.position().window < source.windows()) first.push_back(source.next().ids);
    second.push_back(source.next().ids);
    CHECK(source.position().epoch == 1);
    const bitnet::BatchPosition middle = source.position();
    while (source.position().window < source.windows()) second.push_back(source.next().ids);
    CHECK(first != second);
    BatchSource other(documents(), 4, 10, 3);
    other.restore(middle);
    for (std::size_t i = 1; i < second.size(); ++i) CHECK(other.next().ids == second[i]);
    CHECK(BatchSource(documents(), 4, 10, 4).next().ids != BatchSource(documents(), 4, 10, 3).next().ids);
}

TEST_CASE("a source without anything to learn, or with windows that fit no batch, is refused") {
    CHECK_THROWS_WITH_AS(BatchSource({{1}, {}}, 4, 10, 0), "the text has no two tokens to learn from", bitnet::error);
    CHECK_THROWS_WITH_AS(BatchSource(documents(), 1, 10, 0), "a context of 1 tokens: two are the least", bitnet::error);
    CHECK_THROWS_WITH_AS(BatchSource(documents(), 11, 10, 0), "a batch of 10 tokens holds no window of 11", bitnet::error);
}

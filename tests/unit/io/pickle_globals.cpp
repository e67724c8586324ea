#include <bitnet/io/pickle_globals.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>

using bitnet::DType;
using bitnet::find_pickle_global;
using bitnet::PickleMeaning;

TEST_CASE("a storage or a dtype is known by its name, and storages in both modules that hold them") {
    for (const std::string_view module : {"torch", "torch.storage"}) {
        REQUIRE(find_pickle_global(module, "BFloat16Storage") != nullptr);
        CHECK(find_pickle_global(module, "BFloat16Storage")->dtype == DType::BF16);
        REQUIRE(find_pickle_global(module, "UntypedStorage") != nullptr);
        CHECK(find_pickle_global(module, "UntypedStorage")->meaning == PickleMeaning::bytes_storage);
    }
    REQUIRE(find_pickle_global("torch", "float8_e4m3fn") != nullptr);
    CHECK(find_pickle_global("torch", "float8_e4m3fn")->dtype == DType::F8_E4M3);
    CHECK_FALSE(find_pickle_global("torch", "float8_e4m3fn")->callable());
    CHECK(find_pickle_global("torch._utils", "_rebuild_tensor_v2")->callable());
}

TEST_CASE("no name is known in another module, and nothing that runs code is known at all") {
    using Name = std::pair<std::string_view, std::string_view>;
    for (const auto& [module, name] :
         {Name{"os", "system"}, {"posix", "system"}, {"builtins", "eval"}, {"__builtin__", "getattr"},
          {"torch.storage", "float32"}, {"torch._utils", "OrderedDict"}, {"torch", "_rebuild_tensor_v2"},
          {"torch.storage", "Size"}, {"torch", "ComplexFloatStorage"}, {"torch", "QInt8Storage"}, {"torch", "load"},
          {"torch._utils", "_rebuild_qtensor"}, {"", ""}, {"torch", ""}, {"collections", "defaultdict"}}) {
        const std::string both = std::string(module) + "." + std::string(name);  // clang captures no bindings
        INFO(both);
        CHECK(find_pickle_global(module, name) == nullptr);
    }
}

/// The only names that a pickle of weights may use. A name becomes a row of this table; none is ever looked up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <bitnet/core/dtype.hpp>

namespace bitnet::inline BITNET_ABI {

/// What a name stands for.
enum class PickleMeaning : std::uint8_t {
    ordered_dict,   ///< makes a dictionary
    size,           ///< a tuple of extents
    tensor,         ///< (storage, offset, extents, strides, ...)
    typed_tensor,   ///< the same over a storage without a type, which follows as an argument
    parameter,      ///< (tensor, ...): the tensor
    storage,        ///< of elements of `dtype`
    bytes_storage,  ///< of bytes
    dtype,
};

/// A name, and how many arguments it takes when it is called.
struct PickleGlobal {
    std::string_view module, name;
    PickleMeaning meaning;
    std::size_t fewest_arguments = 0, most_arguments = 0;
    DType dtype = DType::U8;
    constexpr bool callable() const noexcept { return meaning <= PickleMeaning::parameter; }
};

namespace detail {

constexpr PickleGlobal storage_global(std::string_view name, DType dtype) {
    return {"torch", name, PickleMeaning::storage, 0, 0, dtype};
}
constexpr PickleGlobal dtype_global(std::string_view name, DType dtype) {
    return {"torch", name, PickleMeaning::dtype, 0, 0, dtype};
}

inline constexpr std::array pickle_globals{
    PickleGlobal{"collections", "OrderedDict", PickleMeaning::ordered_dict, 0, 1},
    PickleGlobal{"torch", "Size", PickleMeaning::size, 1, 1},
    PickleGlobal{"torch._utils", "_rebuild_tensor", PickleMeaning::tensor, 4, 4},
    PickleGlobal{"torch._utils", "_rebuild_tensor_v2", PickleMeaning::tensor, 6, 7},
    PickleGlobal{"torch._utils", "_rebuild_tensor_v3", PickleMeaning::typed_tensor, 7, 8},
    PickleGlobal{"torch._utils", "_rebuild_parameter", PickleMeaning::parameter, 3, 3},
    PickleGlobal{"torch._utils", "_rebuild_parameter_with_state", PickleMeaning::parameter, 4, 4},
    PickleGlobal{"torch", "UntypedStorage", PickleMeaning::bytes_storage},
    storage_global("DoubleStorage", DType::F64),
    storage_global("FloatStorage", DType::F32),
    storage_global("HalfStorage", DType::F16),
    storage_global("BFloat16Storage", DType::BF16),
    storage_global("LongStorage", DType::I64),
    storage_global("IntStorage", DType::I32),
    storage_global("ShortStorage", DType::I16),
    storage_global("CharStorage", DType::I8),
    storage_global("ByteStorage", DType::U8),
    storage_global("BoolStorage", DType::BOOL),
    dtype_global("float64", DType::F64),
    dtype_global("float32", DType::F32),
    dtype_global("float16", DType::F16),
    dtype_global("bfloat16", DType::BF16),
    dtype_global("float8_e4m3fn", DType::F8_E4M3),
    dtype_global("float8_e5m2", DType::F8_E5M2),
    dtype_global("float8_e4m3fnuz", DType::F8_E4M3FNUZ),
    dtype_global("float8_e5m2fnuz", DType::F8_E5M2FNUZ),
    dtype_global("float8_e8m0fnu", DType::F8_E8M0),
    dtype_global("int64", DType::I64),
    dtype_global("int32", DType::I32),
    dtype_global("int16", DType::I16),
    dtype_global("int8", DType::I8),
    dtype_global("uint64", DType::U64),
    dtype_global("uint32", DType::U32),
    dtype_global("uint16", DType::U16),
    dtype_global("uint8", DType::U8),
    dtype_global("bool", DType::BOOL),
};

}  // namespace detail

/// The row of that name, or null. Storages are also found in the module torch.storage.
constexpr const PickleGlobal* find_pickle_global(std::string_view module, std::string_view name) noexcept {
    for (const PickleGlobal& row : detail::pickle_globals) {
        const bool storage = row.meaning == PickleMeaning::storage || row.meaning == PickleMeaning::bytes_storage;
        if (row.name == name && (row.module == module || (storage && module == "torch.storage"))) return &row;
    }
    return nullptr;
}

}  // namespace bitnet::inline BITNET_ABI

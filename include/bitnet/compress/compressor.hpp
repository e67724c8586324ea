/// Compressor<Policies...>: policies in any order become one function from weights to a TernaryTensor.
///
/// All loops over rows, regions and threads stand here, once; a quantizer sees one region at a time.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <bitnet/compress/compress_rows.hpp>
#include <bitnet/compress/fill_rows.hpp>
#include <bitnet/compress/float_rows.hpp>
#include <bitnet/compress/policy_set.hpp>
#include <bitnet/compress/region.hpp>
#include <bitnet/compress/ternary_tensor.hpp>
#include <bitnet/config/xtensor.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/policy/optimizer/adamw.hpp>
#include <bitnet/policy/preservation/by_role.hpp>
#include <bitnet/policy/quantizer/least_squares.hpp>
#include <bitnet/policy/scale/per_channel.hpp>
#include <bitnet/policy/scale/storage.hpp>
#include <bitnet/policy/sparsity/optimal.hpp>
#include <bitnet/policy/ste/identity.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI {

/// Expressions whose floats already lie in memory in row-major order, so that nothing needs to be evaluated.
template <class E>
inline constexpr bool is_dense_float = [] {
    if constexpr (requires(const E& e) { e.data(); e.data_offset(); })
        return std::same_as<typename E::value_type, float> && E::static_layout == xt::layout_type::row_major && E::contiguous_layout;
    else
        return false;
}();

/// Turns weights into codes and scales as its policies say. A value: comparable, printable, cheap to copy.
///
///     Compressor compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 0.5f}, scale::PerGroup<64>{}};
///     TernaryTensor packed = compressor.compress(weight, "layers.0.mlp.up_proj.weight");
///
/// A role that is left out has a default: LeastSquares, the quantizer's own sparsity, PerChannel with FP16 scales,
/// ByRole, AdamW, Identity, Trit2. The bytes that come out depend on policies and weights alone, never on the number of
/// threads or the instruction set. Weights that are already {-a, 0, +a} in a region come back unchanged, whatever the
/// quantizer, so compress(dequantize(t)) == t.
template <class... Policies>
class Compressor {
    static_assert((Policy<Policies> && ...),
        "bitnet::Compressor: a template argument is not a policy; a policy is a regular type with "
        "`static constexpr Role role` and `static constexpr std::string_view name`");
    static_assert(count_of<Role::quantizer, Policies...> <= 1,
        "bitnet::Compressor: two quantizer policies were given; keep one, the order of policies does not matter");
    static_assert(count_of<Role::scale, Policies...> <= 1,
        "bitnet::Compressor: two scale policies were given; keep one, the order of policies does not matter");
    static_assert(count_of<Role::sparsity, Policies...> <= 1,
        "bitnet::Compressor: two sparsity policies were given; keep one, the order of policies does not matter");
    static_assert(count_of<Role::preservation, Policies...> <= 1,
        "bitnet::Compressor: two preservation policies were given; keep one, the order of policies does not matter");
    static_assert(count_of<Role::optimizer, Policies...> <= 1,
        "bitnet::Compressor: two optimizer policies were given; keep one, the order of policies does not matter");
    static_assert(count_of<Role::ste, Policies...> <= 1,
        "bitnet::Compressor: two straight-through estimators were given; keep one, the order of policies does not matter");
    static_assert(count_of<Role::layout, Policies...> <= 1,
        "bitnet::Compressor: two layouts were given; keep one, the order of policies does not matter");

public:
    using Quantizer = policy_of<Role::quantizer, quantizer::LeastSquares, Policies...>;
    using Scale = policy_of<Role::scale, scale::PerChannel, Policies...>;
    using Sparsity = policy_of<Role::sparsity, default_sparsity<Quantizer>, Policies...>;
    using Preservation = policy_of<Role::preservation, preservation::ByRole, Policies...>;
    using Optimizer = policy_of<Role::optimizer, optimizer::AdamW, Policies...>;
    using Ste = policy_of<Role::ste, ste::Identity, Policies...>;
    using PackedLayout = policy_of<Role::layout, pack::Trit2, Policies...>;

    static_assert(QuantizerPolicy<Quantizer>,
        "bitnet::Compressor: a quantizer needs one of `float quantize(std::span<const float>, std::span<std::int8_t>) "
        "const`, `float alpha(double mean_magnitude) const` or `Grid fit(...) const`");
    static_assert(ScalePolicy<Scale>,
        "bitnet::Compressor: a scale policy needs `group(cols)`, `static constexpr bool whole_tensor` and `storage`");
    static_assert(SparsityPolicy<Sparsity>,
        "bitnet::Compressor: a sparsity policy needs `float keep(float alpha) const` or "
        "`float keep(std::span<const float>, std::span<float> scratch) const`");
    static_assert(PreservationPolicy<Preservation>,
        "bitnet::Compressor: a preservation policy needs `Treatment treatment(const TensorInfo&) const`");
    static_assert(OptimizerPolicy<Optimizer>,
        "bitnet::Compressor: an optimizer needs a nested State, made from a count of weights or from a ParameterShape, and "
        "`void update(std::span<float> w, std::span<const float> g, State&, float learning_rate) const`");
    static_assert(StePolicy<Ste>,
        "bitnet::Compressor: a straight-through estimator needs `float slope(float w, float alpha) const`");
    static_assert(LayoutPolicy<PackedLayout>,
        "bitnet::Compressor: a layout policy needs `layout`, one of Layout::int8, trit2, trit5");
    static_assert(!chooses_its_zeros<Quantizer> || std::same_as<Sparsity, default_sparsity<Quantizer>>,
        "bitnet::Compressor: this quantizer chooses its own zeros and would ignore the sparsity policy; drop one of the two");

    /// Planes of codes: what compress() returns is a TernaryTensor, or a TernaryPlanes where there are several, or offsets.
    static constexpr std::size_t planes = quantizer::planes_of<Quantizer>;
    static constexpr bool has_offset = quantizer::has_offset<Quantizer>;
    using Compressed = std::conditional_t<planes == 1 && !has_offset, TernaryTensor, TernaryPlanes>;

    /// Default-constructed policies.
    constexpr Compressor() = default;
    /// The given values, the defaults for the rest. A knob out of range is errc::bad_value.
    explicit Compressor(Policies... given) requires(sizeof...(Policies) > 0) {
        const std::tuple<Policies...> values(std::move(given)...);
        std::apply([](const auto&... policy) { (check_knobs(policy), ...); }, values);
        policies_ = Set{value_of<Quantizer>(values), value_of<Sparsity>(values),  value_of<Scale>(values),
                        value_of<PackedLayout>(values), value_of<Preservation>(values), value_of<Optimizer>(values),
                        value_of<Ste>(values)};
    }

    const Quantizer& quantizer() const noexcept { return std::get<Quantizer>(policies_); }
    const Sparsity& sparsity() const noexcept { return std::get<Sparsity>(policies_); }
    const Scale& scale() const noexcept { return std::get<Scale>(policies_); }
    const PackedLayout& layout() const noexcept { return std::get<PackedLayout>(policies_); }
    const Preservation& preservation() const noexcept { return std::get<Preservation>(policies_); }
    const Optimizer& optimizer() const noexcept { return std::get<Optimizer>(policies_); }
    const Ste& ste() const noexcept { return std::get<Ste>(policies_); }

    /// Every policy, the defaults included, in a fixed order: f(role_name, policy).
    template <class F>
    void each_policy(F&& f) const {
        f("quantizer", quantizer());
        f("sparsity", sparsity());
        f("scale", scale());
        f("layout", layout());
        f("preservation", preservation());
        f("optimizer", optimizer());
        f("ste", ste());
    }
    /// The same compressor with the value of one of its policies replaced.
    template <class P>
    Compressor with(P policy) const {
        check_knobs(policy);
        Compressor changed = *this;
        std::get<P>(changed.policies_) = std::move(policy);
        return changed;
    }
    bool operator==(const Compressor&) const = default;

    /// Any xtensor expression: row-major, column-major, a view, lazy; evaluated exactly once, as floats.
    /// `name` stands in errors. NaN or infinity is errc::not_finite with the flat index in row-major order.
    template <class E>
    Compressed compress(const xt::xexpression<E>& weight, std::string_view name = "tensor", Execution run = execution()) const {
        const auto& expression = weight.derived_cast();
        const Shape shape(expression.shape().begin(), expression.shape().end());
        if constexpr (is_dense_float<E>) {
            const float* const first = expression.data() + expression.data_offset();
            return compress(TensorView{name, DType::F32, shape, std::as_bytes(std::span(first, expression.size()))}, run);
        } else {
            const xt::xarray<std::conditional_t<true, float, E>, xt::layout_type::row_major> dense = xt::cast<float>(expression);  // of E: costs nobody who only includes this
            return compress(TensorView{name, DType::F32, shape, std::as_bytes(std::span(dense.data(), dense.size()))}, run);
        }
    }
    /// The same object when the weights already lie in memory as F32, F16, BF16 or F64, row-major, at any alignment.
    Compressed compress(const TensorView& weight, Execution run = execution()) const {
        Compressed out;
        compress_into(out, weight, run);
        return out;
    }
    /// The same into a tensor whose memory is used again: fresh pages cost a tenth of the time of a large tensor.
    /// After an error its content is unspecified.
    void compress_into(TernaryTensor& out, const TensorView& weight, Execution run = execution()) const {
        static_assert(!MomentQuantizer<Quantizer>,
            "bitnet::Compressor: this quantizer needs second moments of the layer's inputs; call compress(compressor, weight, "
            "moments) of bitnet/calibrated.hpp");
        static_assert(planes == 1 && !has_offset,
            "bitnet::Compressor: this quantizer makes several planes of codes, or offsets; compress into a TernaryPlanes");
        if constexpr (PlanesQuantizer<Quantizer>) {
            TernaryPlanes one;
            compress_into(one, weight, run);
            out = std::move(one.planes[0]);
        } else {
            compress_plane(out, weight, run);
        }
    }

    /// The same for any number of planes.
    void compress_into(TernaryPlanes& out, const TensorView& weight, Execution run = execution()) const {
        out.rotation = {}, out.offsets = {};
        if constexpr (PlanesQuantizer<Quantizer> || OffsetQuantizer<Quantizer>) {
            detail::compress_rows<planes>(*this, weight, out, run,
                                          [&](RowsInWork<planes>& rows) { bitnet::quantizer::fill_rows(quantizer(), rows, *run.kernels); });
        } else {
            out.planes.resize(1);
            compress_into(out.planes[0], weight, run);
        }
    }

private:
    using Set = std::tuple<Quantizer, Sparsity, Scale, PackedLayout, Preservation, Optimizer, Ste>;
    static constexpr bool fits_grid = MeanQuantizer<Quantizer> || GridQuantizer<Quantizer>;
    static constexpr bool needs_weights = GridQuantizer<Quantizer> || RegionSparsity<Sparsity>;
    static constexpr bool grid_from_mean = fits_grid && !GridQuantizer<Quantizer> && ScaleSparsity<Sparsity>;
    static constexpr std::size_t weights_per_piece = 1 << 16;

    void compress_plane(TernaryTensor& out, const TensorView& weight, Execution run) const {
        const FloatRows rows(weight, *run.kernels);
        out.shape = weight.shape;
        out.layout = layout().layout;
        out.whole_tensor = Scale::whole_tensor;
        out.group = std::max<std::size_t>(1, Scale::whole_tensor ? rows.cols() : scale().group(rows.cols()));
        const bool empty = rows.rows() == 0 || rows.cols() == 0;
        out.codes.resize(empty ? 0 : checked_product(rows.rows(), out.row_bytes(), weight.name));
        out.scale_type = scale().storage;
        if (empty) {
            out.scales.clear();
        } else if constexpr (Scale::whole_tensor) {
            compress_whole(rows, out, run);
        } else if (!compress_rows(rows, out, run)) {
            out.scale_type = DType::F32;  // rare, so all of it again: cheaper than a pass over every tensor's scales
            compress_rows(rows, out, run);
        }
    }

    /// Buffers of one thread.
    struct Scratch {
        std::vector<float> row, sorting;
        std::vector<double> means;
        std::vector<Grid> grids;
        std::vector<std::int8_t> codes;
    };

    static std::size_t rows_per_piece(std::size_t cols) { return std::max<std::size_t>(1, weights_per_piece / cols); }

    /// Into how many equal stretches a row is cut, each of whole groups and bytes. Sums, grids and codes then follow
    /// each other so closely that memory, which sums and codes ask for what comes next, is rarely idle.
    static std::size_t stretches(std::size_t cols, std::size_t group, Layout layout) {
        constexpr std::size_t longest = 1024, shortest = 512;
        if (group >= cols) return 1;
        const std::size_t unit = visit_layout(layout, [&](auto l) { return std::lcm(group, l.codes_per_byte); });
        for (std::size_t count = (cols - 1) / longest + 1; cols / count >= shortest; ++count)
            if (cols % (count * unit) == 0) return count;
        return 1;
    }

    /// False, and out is worth nothing, when out.scale_type does not hold all scales.
    bool compress_rows(const FloatRows<>& rows, TernaryTensor& out, Execution run) const {
        const std::size_t cuts = stretches(rows.cols(), out.group, out.layout);
        const std::size_t length = rows.cols() / cuts;
        const std::size_t bytes = out.row_bytes() / cuts;
        const std::size_t groups = out.groups_per_row() / cuts;
        const auto encode = run.kernels->encode[static_cast<std::size_t>(out.layout)];
        out.scales.resize(checked_product(rows.rows(), out.groups_per_row(), "scales"));
        std::atomic<bool> all_held = true;
        parallel_for(rows.rows() * cuts, rows_per_piece(length), run.threads, [&](std::size_t begin, std::size_t end) {
            Scratch scratch;
            scratch.means.resize(groups);
            scratch.grids.resize(groups);
            if constexpr (fits_grid && needs_weights) scratch.sorting.resize(std::min(out.group, length));
            if constexpr (!fits_grid) scratch.codes.resize(length);
            bool held = true;
            for (std::size_t i = begin; i < end; ++i) {
                const std::span<const float> w = rows.elements(i * length, length, scratch.row);
                run.kernels->abs_sums(w.data(), length, out.group, scratch.means.data());
                if (!all_finite(scratch.means)) rows.require_finite(i * length, w);
                means_of_sums(scratch.means, out.group, length - (groups - 1) * out.group);
                fit_row(w, out.group, scratch, run);
                held &= store_scales(scratch.grids, out.scale_type, std::span(out.scales).subspan(i * groups, groups));
                const std::span<std::uint8_t> packed = std::span(out.codes).subspan(i * bytes, bytes);
                if constexpr (fits_grid)
                    encode(w.data(), length, scratch.grids.data(), out.group, packed.data());
                else
                    pack_row(scratch.codes, packed, out.layout);
            }
            if (!held) all_held = false;
        });
        return all_held;
    }

    /// scratch.grids of a stretch from weights and scratch.means; scratch.codes where the quantizer writes those itself.
    void fit_row(std::span<const float> w, std::size_t group, Scratch& scratch, Execution run) const {
        std::size_t done = 0;
        if constexpr (grid_from_mean) {
            const std::size_t whole = w.size() / group;
            const std::span<Grid> grids = std::span(scratch.grids).first(whole);  // a shorter last one: see below
            if (fit_plain_regions(quantizer(), sparsity(), w, group, scratch.means, grids)) done = whole;
        }
        for (std::size_t g = done; g < scratch.grids.size(); ++g) {
            const std::size_t begin = g * group;
            const std::span<const float> region = w.subspan(begin, std::min(group, w.size() - begin));
            if constexpr (fits_grid)
                scratch.grids[g] = grid_of(region, scratch.means[g], scratch.sorting, run);
            else
                scratch.grids[g].alpha = codes_of(region, std::span(scratch.codes).subspan(begin, region.size()), run);
        }
    }

    /// FP16 rounding is part of quantization. False when the type does not hold all of the scales.
    static bool store_scales(std::span<const Grid> grids, DType type, std::span<float> scales) {
        bool held = true;
        for (std::size_t g = 0; g < grids.size(); ++g) {  // every one: no branch, so vectors do it
            held &= scale::holds(type, grids[g].alpha);
            scales[g] = scale::stored(grids[g].alpha, type);
        }
        return held;
    }

    static void pack_row(std::span<const std::int8_t> codes, std::span<std::uint8_t> packed, Layout layout) {
        visit_layout(layout, [&](auto l) { l.pack(codes, packed); });
    }

    Grid grid_of(std::span<const float> region, double mean, std::span<float> sorting, Execution run) const {
        if (may_be_ternary(region)) [[unlikely]]
            if (TernaryDetector detector; detector.add(region)) return detector.grid();
        const Grid grid = fit_grid(quantizer(), sparsity(), region, mean, *run.kernels, sorting);
        return keeps_nothing(grid, region, mean) ? Grid{} : grid;
    }

    float codes_of(std::span<const float> region, std::span<std::int8_t> codes, Execution run) const {
        TernaryDetector detector;
        if (!detector.add(region)) return quantize_region(quantizer(), region, codes);
        const Grid grid = detector.grid();
        run.kernels->codes(region.data(), region.size(), grid.keep, codes.data());
        return grid.alpha;
    }

    /// One scale for all rows: a pass for the sum, and a second one for the codes. Its Σ|w| adds the rows' sums in order.
    void compress_whole(const FloatRows<>& rows, TernaryTensor& out, Execution run) const {
        std::vector<double> sums(rows.rows());
        parallel_for(rows.rows(), rows_per_piece(rows.cols()), run.threads, [&](std::size_t begin, std::size_t end) {
            std::vector<float> buffer;
            for (std::size_t r = begin; r < end; ++r) {
                const std::span<const float> w = rows.row(r, buffer);
                run.kernels->abs_sums(w.data(), w.size(), w.size(), &sums[r]);
                if (!is_finite(sums[r])) rows.require_finite(r * rows.cols(), w);
            }
        });
        double sum = 0;
        for (const double of_row : sums) sum += of_row;

        TernaryDetector detector;
        std::vector<float> buffer;
        bool ternary = true;
        for (std::size_t r = 0; ternary && r < rows.rows(); ++r) ternary = detector.add(rows.row(r, buffer));
        if constexpr (fits_grid) {
            const double count = static_cast<double>(rows.rows()) * static_cast<double>(rows.cols());
            const Grid grid = ternary ? detector.grid() : whole_grid(rows, sum / count, run);
            store_scale(grid.alpha, out);
            encode_all(rows, grid, out, run);
        } else {
            std::vector<std::int8_t> codes(rows.rows() * rows.cols());
            store_scale(codes_of(rows.all(buffer), codes, run), out);
            for (std::size_t r = 0; r < rows.rows(); ++r)
                pack_row(std::span(codes).subspan(r * rows.cols(), rows.cols()),
                         std::span(out.codes).subspan(r * out.row_bytes(), out.row_bytes()), out.layout);
        }
    }

    Grid whole_grid(const FloatRows<>& rows, double mean, Execution run) const {
        std::vector<float> buffer;
        if constexpr (needs_weights) {
            std::vector<float> sorting(rows.rows() * rows.cols());
            const std::span<const float> w = rows.all(buffer);
            const Grid grid = fit_grid(quantizer(), sparsity(), w, mean, *run.kernels, sorting);
            return keeps_nothing(grid, w, mean) ? Grid{} : grid;
        } else {
            const Grid grid = fit_grid(quantizer(), sparsity(), {}, mean, *run.kernels, {});
            for (std::size_t r = 0; r < rows.rows(); ++r)
                if (!keeps_nothing(grid, rows.row(r, buffer), mean)) return grid;
            return Grid{};
        }
    }

    void encode_all(const FloatRows<>& rows, const Grid& grid, TernaryTensor& out, Execution run) const {
        parallel_for(rows.rows(), rows_per_piece(rows.cols()), run.threads, [&](std::size_t begin, std::size_t end) {
            std::vector<float> buffer;
            for (std::size_t r = begin; r < end; ++r)
                run.kernels->encode[static_cast<std::size_t>(out.layout)](
                    rows.row(r, buffer).data(), rows.cols(), &grid, rows.cols(), out.codes.data() + r * out.row_bytes());
        });
    }

    static void store_scale(float alpha, TernaryTensor& out) {
        if (!scale::holds(out.scale_type, alpha)) out.scale_type = DType::F32;
        out.scales = {scale::stored(alpha, out.scale_type)};
    }

    Set policies_;
};

template <class... Policies>
Compressor(Policies...) -> Compressor<Policies...>;

/// `Compressor{absmean{}, fixed{.threshold=0.5}, per_group<64>{.storage=F16}, trit2{}}`: what decides the bytes.
template <class... Policies>
std::string to_string(const Compressor<Policies...>& compressor) {
    return message("Compressor{", to_string(compressor.quantizer()), ", ", to_string(compressor.sparsity()), ", ",
                   to_string(compressor.scale()), ", ", to_string(compressor.layout()), "}");
}

}  // namespace bitnet::inline BITNET_ABI

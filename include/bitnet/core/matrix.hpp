/// Row-major matrices of activations and weights: one that owns its numbers, and a view of any part of one.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// rows x cols numbers, `stride` apart from row to row; stride >= cols. Valid as long as what it views.
template <class T>
struct MatrixView {
    T* data = nullptr;
    std::size_t rows = 0;
    std::size_t cols = 0;
    std::size_t stride = 0;

    std::span<T> row(std::size_t r) const { return {data + r * stride, cols}; }
    T& operator()(std::size_t r, std::size_t c) const { return data[r * stride + c]; }
    MatrixView row_range(std::size_t first, std::size_t count) const { return {data + first * stride, count, cols, stride}; }
    MatrixView col_range(std::size_t first, std::size_t count) const { return {data + first, rows, count, stride}; }
    operator MatrixView<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols, stride}; }
};

/// rows x cols numbers of its own, zero at first.
template <class T>
class Matrix {
public:
    Matrix() = default;
    Matrix(std::size_t rows, std::size_t cols) : values_(rows * cols), rows_(rows), cols_(cols) {}
    Matrix(std::size_t rows, std::size_t cols, std::vector<T> values)
        : values_(std::move(values)), rows_(rows), cols_(cols) {
        values_.resize(rows * cols);
    }

    std::size_t rows() const noexcept { return rows_; }
    std::size_t cols() const noexcept { return cols_; }
    T* data() noexcept { return values_.data(); }
    const T* data() const noexcept { return values_.data(); }
    T& operator()(std::size_t r, std::size_t c) { return values_[r * cols_ + c]; }
    const T& operator()(std::size_t r, std::size_t c) const { return values_[r * cols_ + c]; }
    std::span<T> row(std::size_t r) { return view().row(r); }
    std::span<const T> row(std::size_t r) const { return view().row(r); }
    MatrixView<T> view() noexcept { return {values_.data(), rows_, cols_, cols_}; }
    MatrixView<const T> view() const noexcept { return {values_.data(), rows_, cols_, cols_}; }
    operator MatrixView<T>() noexcept { return view(); }
    operator MatrixView<const T>() const noexcept { return view(); }
    const std::vector<T>& values() const noexcept { return values_; }
    /// As many rows as that; new ones are zero.
    void resize_rows(std::size_t rows) {
        values_.resize(rows * cols_);
        rows_ = rows;
    }

private:
    std::vector<T> values_;
    std::size_t rows_ = 0;
    std::size_t cols_ = 0;
};

/// rows x cols numbers that begin as whatever was there: for what is written before it is read.
template <class T>
class Scratch {
public:
    Scratch(std::size_t rows, std::size_t cols)
        : values_(std::make_unique_for_overwrite<T[]>(rows * cols)), rows_(rows), cols_(cols) {}

    MatrixView<T> view() const noexcept { return {values_.get(), rows_, cols_, cols_}; }
    /// The first of the rows.
    MatrixView<T> rows(std::size_t count) const noexcept { return view().row_range(0, count); }

private:
    std::unique_ptr<T[]> values_;
    std::size_t rows_ = 0;
    std::size_t cols_ = 0;
};

}  // namespace bitnet::inline BITNET_ABI

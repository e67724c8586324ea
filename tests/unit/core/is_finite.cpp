#include <bitnet/core/is_finite.hpp>

#include <doctest/doctest.h>

#include <initializer_list>
#include <limits>

using bitnet::is_finite;

TEST_CASE_TEMPLATE("infinities and NaN are told from finite values", T, float, double) {
    using Limits = std::numeric_limits<T>;
    for (const T x : {T(0), -T(0), T(1), Limits::max(), Limits::lowest(), Limits::min(), Limits::denorm_min()}) CHECK(is_finite(x));
    for (const T x : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), -Limits::quiet_NaN()}) CHECK_FALSE(is_finite(x));
    static_assert(is_finite(T(1)) && !is_finite(Limits::infinity()));
}

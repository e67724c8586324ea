/// The one file that includes xtensor: releases from 0.26 on keep their headers in subfolders.
#pragma once

#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/generators/xgenerator.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xgenerator.hpp>
#include <xtensor/xtensor.hpp>
#endif

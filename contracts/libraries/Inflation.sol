// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Inflation: what a supply grows by, so that a token keeps buying about the same storage
/// @notice Rules only. grown = supply x (e^(kappa t) - 1), rounded down.
/// @dev INV9 supply <= sum of mined_i x e^(kappa (t - t_i)): every term of the series is rounded down, so any sequence of pokes
///      mints at most what the formula gives.
library Inflation {
    /// kappa is a rate per year of so many seconds, in units of 1e-18. pricing/reference.ts counts the same year.
    uint256 internal constant YEAR = 365 days;

    /// ln 1.05 and ln 1.30: 5 to 30 % a year.
    uint256 internal constant LEAST_KAPPA = 48_790_164_169_432_003;
    uint256 internal constant MOST_KAPPA = 262_364_264_467_491_052;

    /// One, as the series counts. With the largest kappa and all of 2^32 seconds its largest product stays below 2^250.
    uint256 private constant ONE = 2 ** 96;
    uint256 private constant LONGEST = 2 ** 32;

    /// @param supply wei
    /// @param kappa per year, 1e-18
    /// @param elapsed seconds; more than 136 years count as 136
    /// @return wei to mint
    function grown(uint256 supply, uint256 kappa, uint256 elapsed) internal pure returns (uint256) {
        if (elapsed > LONGEST) elapsed = LONGEST;
        uint256 x = (kappa * elapsed * ONE) / (1e18 * YEAR);
        uint256 sum = 0;
        uint256 term = x;
        for (uint256 n = 2; term > 0; ++n) {
            sum += term;
            term = (term * x) / (ONE * n);
        }
        return Math.mulDiv(supply, sum, ONE);
    }
}

// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {UnixTime} from "../types/Units.sol";

/// @title Renewals: how long a key counts without being confirmed
/// @notice Rules only. A member is held to the period that stood when it last renewed: a shorter one strikes nobody retroactively.
library Renewals {
    /// Bounds of the renewal period. Seconds. contracts.md, Registrar.
    uint32 internal constant SHORTEST = 30 days;
    uint32 internal constant LONGEST = 365 days;

    /// Periods without renewal after which anyone may mark the member abandoned, and after which anyone may drop it.
    uint32 internal constant MISSED_TO_ABANDON = 2;
    uint32 internal constant MISSED_TO_DROP = 4;

    /// A quarter of the period: sooner, a renewal confirms nothing that the one before did not. Programs renew at half, with time to spare.
    uint32 internal constant PARTS = 4;

    function isWithinBounds(uint32 period) internal pure returns (bool) {
        return period >= SHORTEST && period <= LONGEST;
    }

    /// @return the first second in which the key may be confirmed again
    function renewableAt(UnixTime renewedAt, uint32 period) internal pure returns (UnixTime) {
        return renewedAt.plusSeconds(period / PARTS);
    }

    /// @return the first second in which `missed` periods have passed since the last renewal
    function missedAt(UnixTime renewedAt, uint32 period, uint32 missed) internal pure returns (UnixTime) {
        return renewedAt.plusSeconds(period * missed);
    }
}

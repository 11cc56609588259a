// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// Money as the token counts it: 1e-18 HOLD. Deposits, withdrawals and balances.
type Wei is uint256;

/// Money as the market settles it: gwei of HOLD, 1e-9 HOLD. 64 bits hold 18 billion HOLD, and a bounty then fits one slot.
type Gwei is uint64;

/// What somebody promised in all since the beginning, in gwei of HOLD: the cumulative amount of a voucher.
type GweiSum is uint128;

/// Seconds of chain time. 32 bits last until 2106, and a bounty then fits one slot.
type UnixTime is uint32;

/// Which bounty: keccak256(abi.encode(poster, claimKey, steward)).
type BountyId is bytes32;

// Wei in one gwei. Every amount in gwei is a whole number of wei, so the conversion never rounds.
uint256 constant WEI_PER_GWEI = 1e9;

using {addWei as +, subWei as -, ltWei as <} for Wei global;
using {toWei} for Gwei global;
using {sumToWei, ltSum as <, addSum as +, subSum as -} for GweiSum global;
using {ltTime as <, gtTime as >, neTime as !=, plusSeconds} for UnixTime global;

function addWei(Wei a, Wei b) pure returns (Wei) {
    return Wei.wrap(Wei.unwrap(a) + Wei.unwrap(b));
}

function subWei(Wei a, Wei b) pure returns (Wei) {
    return Wei.wrap(Wei.unwrap(a) - Wei.unwrap(b));
}

function ltWei(Wei a, Wei b) pure returns (bool) {
    return Wei.unwrap(a) < Wei.unwrap(b);
}

function toWei(Gwei amount) pure returns (Wei) {
    unchecked {
        return Wei.wrap(uint256(Gwei.unwrap(amount)) * WEI_PER_GWEI); // below 2^94
    }
}

function ltTime(UnixTime a, UnixTime b) pure returns (bool) {
    return UnixTime.unwrap(a) < UnixTime.unwrap(b);
}

function gtTime(UnixTime a, UnixTime b) pure returns (bool) {
    return UnixTime.unwrap(a) > UnixTime.unwrap(b);
}

function neTime(UnixTime a, UnixTime b) pure returns (bool) {
    return UnixTime.unwrap(a) != UnixTime.unwrap(b);
}

// Reverts past 2106 instead of wrapping round.
function plusSeconds(UnixTime a, uint32 b) pure returns (UnixTime) {
    return UnixTime.wrap(UnixTime.unwrap(a) + b);
}

function sumToWei(GweiSum amount) pure returns (Wei) {
    unchecked {
        return Wei.wrap(uint256(GweiSum.unwrap(amount)) * WEI_PER_GWEI); // below 2^158
    }
}

function ltSum(GweiSum a, GweiSum b) pure returns (bool) {
    return GweiSum.unwrap(a) < GweiSum.unwrap(b);
}

function addSum(GweiSum a, GweiSum b) pure returns (GweiSum) {
    return GweiSum.wrap(GweiSum.unwrap(a) + GweiSum.unwrap(b));
}

function subSum(GweiSum a, GweiSum b) pure returns (GweiSum) {
    return GweiSum.wrap(GweiSum.unwrap(a) - GweiSum.unwrap(b));
}

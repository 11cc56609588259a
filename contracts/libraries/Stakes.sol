// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {UnixTime} from "../types/Units.sol";

/// What earns, and what it has earned so far.
struct Stream {
    uint256 earning; // wei of stakes and bonds
    uint256 perShare; // rewards of one wei since the beginning, in units of 1 / SCALE
    uint256 carry; // what a division left over, in the same units: it joins the next rewards
}

/// One account. Amounts in wei.
struct Staker {
    uint256 staked;
    uint256 bonded;
    uint256 held; // by open cases
    uint256 pending;
    uint256 perShare; // the stream's, when `pending` was last brought up to date
    IStakePool.Exit[] exits; // oldest first
}

/// @title Stakes: who earns what, and how it leaves
/// @notice Rules only. StakePool.sol moves the tokens, reads the clock and brings the stream up to date before any change.
/// @dev INV8 sum of stakes + bonds + pending + undistributed <= what the pool holds: shares of rewards are rounded down.
library Stakes {
    /// 21 days from leaving to having: checks and cases come before. Seconds. contracts.md, StakePool.
    uint32 internal constant UNBONDING = 21 days;

    /// More exits than these wait for the first to be withdrawn: every loop has an end.
    uint256 internal constant MOST_EXITS = 16;

    uint256 internal constant SCALE = 2 ** 96;

    error StakeBelowMinimum(uint256 minimum, uint256 left);
    error StakeTooSmall(uint256 expected, uint256 there);
    error StakeTooManyExits(uint256 most);
    error StakeNothingReady(uint256 waiting);

    /// @notice Share out rewards. Somebody must earn.
    /// @param amount wei
    function distribute(Stream storage self, uint256 amount) internal {
        uint256 all = amount * SCALE + self.carry;
        self.perShare += all / self.earning;
        self.carry = all % self.earning;
    }

    /// @notice Bring an account's rewards up to date. Before every change of what it has.
    function bringUp(Stream storage self, Staker storage staker) internal {
        staker.pending += owedTo(self, staker);
        staker.perShare = self.perShare;
    }

    /// @return wei earned since the account was last brought up to date, rounded down
    function owedTo(Stream storage self, Staker storage staker) internal view returns (uint256) {
        return Math.mulDiv(staker.staked + staker.bonded, self.perShare - staker.perShare, SCALE);
    }

    function add(Stream storage self, Staker storage staker, uint256 amount, uint256 minimum) internal {
        bringUp(self, staker);
        staker.staked += amount;
        self.earning += amount;
        _assertMinimum(staker, minimum);
    }

    /// @notice Make part of a stake a bond: the same amount earns on.
    function toBond(Staker storage staker, uint256 amount) internal {
        _assertThere(amount, staker.staked);
        staker.staked -= amount;
        staker.bonded += amount;
    }

    /// @notice Take out of a stake or a bond, to be withdrawn when `ready`.
    function takeOut(
        Stream storage self,
        Staker storage staker,
        IStakePool.Exit memory exit,
        uint256 minimum
    ) internal {
        bringUp(self, staker);
        uint256 amount = exit.amount;
        _assertThere(amount, exit.bonded ? staker.bonded : staker.staked);
        if (exit.bonded) staker.bonded -= amount;
        else staker.staked -= amount;
        self.earning -= amount;
        if (staker.exits.length == MOST_EXITS) revert StakeTooManyExits(MOST_EXITS);
        staker.exits.push(exit);
        _assertMinimum(staker, minimum);
    }

    /// @notice Take out of the list all exits whose time has come.
    /// @return total wei to pay
    /// @return bonds wei of it that were bonds
    function takeReady(Staker storage staker, UnixTime moment) internal returns (uint256 total, uint256 bonds) {
        IStakePool.Exit[] storage exits = staker.exits;
        uint256 kept = 0;
        for (uint256 i = 0; i < exits.length; ++i) {
            IStakePool.Exit memory exit = exits[i];
            if (moment < exit.ready) {
                exits[kept] = exit;
                ++kept;
                continue;
            }
            total += exit.amount;
            if (exit.bonded) bonds += exit.amount;
        }
        if (total == 0) revert StakeNothingReady(exits.length);
        while (exits.length > kept) exits.pop();
    }

    /// @notice Hold part of an account's bonds for a case: first what is about to leave, then what is there.
    function hold(Stream storage self, Staker storage staker, uint256 amount) internal {
        bringUp(self, staker);
        uint256 left = amount;
        for (uint256 i = 0; i < staker.exits.length && left > 0; ++i) {
            IStakePool.Exit storage exit = staker.exits[i];
            if (!exit.bonded) continue;
            uint256 taken = Math.min(exit.amount, left);
            exit.amount -= uint128(taken);
            left -= taken;
        }
        _assertThere(left, staker.bonded);
        staker.bonded -= left;
        self.earning -= left;
        staker.held += amount;
    }

    /// @notice Make what a case held a bond again.
    function giveBack(Stream storage self, Staker storage staker, uint256 amount) internal {
        bringUp(self, staker);
        staker.held -= amount;
        staker.bonded += amount;
        self.earning += amount;
    }

    function leavingOf(Staker storage staker) internal view returns (uint256 sum) {
        for (uint256 i = 0; i < staker.exits.length; ++i) sum += staker.exits[i].amount;
    }

    /// All of it may go, or enough must stay: dust would cost more to count than it earns.
    function _assertMinimum(Staker storage staker, uint256 minimum) private view {
        uint256 left = staker.staked + staker.bonded;
        if (left != 0 && left < minimum) revert StakeBelowMinimum(minimum, left);
    }

    function _assertThere(uint256 expected, uint256 there) private pure {
        if (there < expected) revert StakeTooSmall(expected, there);
    }
}

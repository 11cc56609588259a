// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IRegistrar, Level, Standing} from "../interfaces/IRegistrar.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {Gwei, UnixTime, Wei} from "../types/Units.sol";
import {Roles} from "./Roles.sol";

/// @title Cases: when a bond may be taken, by whom, and how much of it
/// @notice Rules only. StakePool.sol checks signatures, reads the clock and moves the bonds. contracts.md, StakePool.
library Cases {
    /// From proposal to execution: the time for a veto. Seconds.
    uint32 internal constant VETO_TIME = 48 hours;

    /// How long it may be carried out from then on. What was held is free again afterwards.
    uint32 internal constant EXECUTION_TIME = 14 days;

    /// One manager proposes at most 5 % of all bonds in 30 days. 31 days of the calendar contain any 30 days.
    uint256 internal constant SHARE_OF_BONDS = 20;
    uint256 internal constant DAYS_COUNTED = 31;

    error CaseNotByManager(address agent, address expectedManager, address caller);
    error CaseManagerNotActing(address manager);
    error CaseAmountOutside(Gwei most, Gwei amount);
    error CaseOpenedBefore(bytes32 id);
    error CaseNotSigned(bytes32 id, address signer);
    error CaseOverManagersShare(Wei most, Wei proposed);
    error CaseNotOpen(bytes32 id);
    error CaseVetoByProposer(address manager);
    error CaseNotExecutable(UnixTime from, UnixTime until, UnixTime moment);
    error CaseNotLapsed(UnixTime until, UnixTime moment);

    /// @notice Refuse anyone but the agent's own manager, in good standing.
    function assertManager(IRegistrar registrar, address agent, address caller) internal view {
        address manager = registrar.member(agent).manager;
        if (manager != caller) revert CaseNotByManager(agent, manager, caller);
        if (!isManager(registrar, caller)) revert CaseManagerNotActing(caller);
    }

    /// @notice Refuse a veto by anyone but the master and the managers who did not propose it.
    function assertVeto(IRegistrar registrar, address proposer, address caller) internal view {
        if (caller == registrar.master()) return;
        if (caller == proposer) revert CaseVetoByProposer(caller);
        if (!isManager(registrar, caller)) revert CaseManagerNotActing(caller);
    }

    function isManager(IRegistrar registrar, address id) internal view returns (bool) {
        IRegistrar.Member memory member = registrar.member(id);
        bool isTrusted = member.standing == Standing.compliant || member.standing == Standing.probation;
        return member.level == Level.delegate && isTrusted && member.roles & Roles.MANAGER != 0;
    }

    /// @notice Count what a manager proposes, and refuse more than its share.
    /// @param daily wei that this manager proposed, by day of the calendar
    /// @param amount wei
    /// @param bonds wei of all bonds
    function count(
        mapping(uint256 day => uint256) storage daily,
        uint256 amount,
        uint256 bonds,
        UnixTime moment
    ) internal {
        uint256 today = UnixTime.unwrap(moment) / 1 days;
        daily[today] += amount;
        uint256 sum = 0;
        for (uint256 i = 0; i < DAYS_COUNTED && i <= today; ++i) sum += daily[today - i];
        uint256 most = bonds / SHARE_OF_BONDS;
        if (sum > most) revert CaseOverManagersShare(Wei.wrap(most), Wei.wrap(sum));
    }

    /// @return paid wei to the uploader: the stated repair cost, never more than half
    /// @return burned the rest, so that nobody gains by an agent's fall
    function split(IStakePool.Case memory it) internal pure returns (uint256 paid, uint256 burned) {
        uint256 amount = Wei.unwrap(it.amount.toWei());
        uint256 cost = Wei.unwrap(it.repairCost.toWei());
        paid = cost < amount / 2 ? cost : amount / 2;
        burned = amount - paid;
    }
}

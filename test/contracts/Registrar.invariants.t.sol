// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {vm} from "./Cheats.sol";
import {deployRegistrar} from "./Deploy.sol";
import {RegistrarHandler, Rule} from "./RegistrarHandler.sol";

/// INV10 of contracts.md, after every call of a random play of the pool.
/// To run this file alone, name the handler's file as well: the runner knows only the contracts of the files it is given.
contract RegistrarInvariantsTest {
    RegistrarHandler private handler;

    function setUp() public {
        vm.warp(1_800_000_000);
        handler = new RegistrarHandler();
        bytes memory masterKey = handler.keys();
        handler.begin(deployRegistrar(masterKey, 30 days));
        // A pool that has begun: two delegates and three agents, so that plays do not spend themselves on joining.
        for (uint256 i = 1; i < 6; ++i) handler.register(i, i);
        for (uint256 i = 1; i < 3; ++i) {
            handler.setLevel(0, i, 2);
            handler.setRoles(0, i, 24);
        }
        for (uint256 i = 3; i < 6; ++i) handler.assignManager(1, i, 1 + (i % 2));
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    struct Selectors {
        address where;
        bytes4[] selectors;
    }

    function targetSelectors() external view returns (Selectors[] memory targets) {
        targets = new Selectors[](1);
        targets[0] = Selectors(address(handler), new bytes4[](15));
        targets[0].selectors[0] = RegistrarHandler.register.selector;
        targets[0].selectors[1] = RegistrarHandler.setLevel.selector;
        targets[0].selectors[2] = RegistrarHandler.setRoles.selector;
        targets[0].selectors[3] = RegistrarHandler.setStanding.selector;
        targets[0].selectors[4] = RegistrarHandler.assignManager.selector;
        targets[0].selectors[5] = RegistrarHandler.assignMonitors.selector;
        targets[0].selectors[6] = RegistrarHandler.assignIndexes.selector;
        targets[0].selectors[7] = RegistrarHandler.renew.selector;
        targets[0].selectors[8] = RegistrarHandler.setPeriod.selector;
        targets[0].selectors[9] = RegistrarHandler.abandon.selector;
        targets[0].selectors[10] = RegistrarHandler.drop.selector;
        targets[0].selectors[11] = RegistrarHandler.wait.selector;
        targets[0].selectors[12] = RegistrarHandler.resign.selector;
        targets[0].selectors[13] = RegistrarHandler.setPolicy.selector;
        targets[0].selectors[14] = RegistrarHandler.underPermit.selector;
    }

    // INV10, only the Registrar's rules change privilege, roles and standing: one play for each of its parts.

    /// who joins, is dropped after a long absence, or is moved by the master changes level, nobody else
    function invariant_INV10_level() public view {
        _assertKept(Rule.level);
    }

    /// the master gives delegates their roles, an agent's manager the agent's
    function invariant_INV10_roles() public view {
        _assertKept(Rule.roles);
    }

    /// delegates with the role judge others; absence alone makes abandoned
    function invariant_INV10_standing() public view {
        _assertKept(Rule.standing);
    }

    /// an agent is handed over by the master, a registrar or its own manager, and to a manager only
    function invariant_INV10_manager() public view {
        _assertKept(Rule.manager);
    }

    /// nobody renews for another, and no key changes
    function invariant_INV10_record() public view {
        _assertKept(Rule.record);
    }

    /// roles fit levels, one master
    function invariant_INV10_form() public view {
        _assertKept(Rule.form);
    }

    /// the master alone, or who holds its permit for that, sets the policy
    function invariant_INV10_policy() public view {
        _assertKept(Rule.policy);
    }

    /// what nobody entitled has signed, or what is over, permits nothing
    function invariant_INV10_permit() public view {
        _assertKept(Rule.permit);
    }

    function _assertKept(Rule rule) private view {
        if (handler.breaks(uint256(rule)) == 0) return;
        vm.assertEq(handler.firstBreak(uint256(rule)), "", "INV10");
    }

    function test_the_play_begins_with_a_pool_that_works() public {
        vm.assertEq(handler.changes(), 12, "5 joined, 2 raised, 2 got roles, 3 were assigned");
        vm.assertTrue(handler.isWellFormed(), "roles fit levels, one master");
        for (uint256 rule = 0; rule < 8; ++rule) vm.assertEq(handler.breaks(rule), 0, "breaks");
    }
}

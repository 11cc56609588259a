// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {vm} from "./Cheats.sol";
import {deployRegistrar} from "./Deploy.sol";
import {RegistrarHandler} from "./RegistrarHandler.sol";

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
        targets[0] = Selectors(address(handler), new bytes4[](12));
        targets[0].selectors[0] = RegistrarHandler.register.selector;
        targets[0].selectors[1] = RegistrarHandler.setLevel.selector;
        targets[0].selectors[2] = RegistrarHandler.setRoles.selector;
        targets[0].selectors[3] = RegistrarHandler.setStanding.selector;
        targets[0].selectors[4] = RegistrarHandler.assignManager.selector;
        targets[0].selectors[5] = RegistrarHandler.assignMonitor.selector;
        targets[0].selectors[6] = RegistrarHandler.assignIndex.selector;
        targets[0].selectors[7] = RegistrarHandler.renew.selector;
        targets[0].selectors[8] = RegistrarHandler.setPeriod.selector;
        targets[0].selectors[9] = RegistrarHandler.abandon.selector;
        targets[0].selectors[10] = RegistrarHandler.drop.selector;
        targets[0].selectors[11] = RegistrarHandler.wait.selector;
    }

    /// only Registrar rules change privilege, roles, standing
    function invariant_INV10_rules() public view {
        vm.assertEq(handler.firstBreak(), "", "INV10");
        vm.assertEq(handler.breaks(), 0, "INV10");
        vm.assertTrue(handler.isWellFormed(), "INV10: roles fit levels, one master");
    }

    function test_the_play_begins_with_a_pool_that_works() public view {
        vm.assertEq(handler.changes(), 12, "5 joined, 2 raised, 2 got roles, 3 were assigned");
        vm.assertEq(handler.firstBreak(), "", "breaks");
    }
}

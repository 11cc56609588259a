// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IHoldToken} from "../../contracts/interfaces/IHoldToken.sol";
import {vm} from "./Cheats.sol";
import {HoldTokenFace, deployToken} from "./Deploy.sol";

contract HoldTokenTest {
    address private constant SOMEONE = address(0x50E0);
    address private constant POOL = address(0x9001);
    address private constant MINE = address(0x313E);

    function test_nothing_is_there_before_it_is_mined_on_any_chain() public {
        vm.chainId(1);
        HoldTokenFace token = deployToken();
        vm.assertEq(token.totalSupply(), 0, "supply");
        vm.expectRevert(
            abi.encodeWithSelector(IHoldToken.HoldMintByOther.selector, address(0), address(0), address(this))
        );
        token.mint(SOMEONE, 1);
    }

    function test_the_places_are_taken_once_and_for_ever() public {
        HoldTokenFace token = complete();
        vm.assertEq(token.stakePool(), POOL, "stake pool");
        vm.assertEq(token.mine(), MINE, "mine");
        vm.expectRevert(abi.encodeWithSelector(IHoldToken.HoldPlaceTaken.selector, POOL, address(this)));
        token.joinAsStakePool();
        vm.expectRevert(abi.encodeWithSelector(IHoldToken.HoldPlaceTaken.selector, MINE, address(this)));
        token.joinAsMine();
    }

    function test_stake_pool_and_mine_mint() public {
        HoldTokenFace token = complete();
        vm.prank(POOL);
        token.mint(SOMEONE, 2 ether);
        vm.prank(MINE);
        token.mint(SOMEONE, 3 ether);
        vm.assertEq(token.totalSupply(), 5 ether, "supply");
        vm.assertEq(token.balanceOf(SOMEONE), 5 ether, "balance");
    }

    function testFuzz_nobody_else_mints(address caller) public {
        vm.assume(caller != POOL && caller != MINE);
        HoldTokenFace token = complete();
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IHoldToken.HoldMintByOther.selector, POOL, MINE, caller));
        token.mint(caller, 1);
    }

    function test_burning_lowers_the_supply() public {
        HoldTokenFace token = complete();
        vm.prank(MINE);
        token.mint(address(this), 5 ether);
        token.burn(2 ether);
        vm.assertEq(token.totalSupply(), 3 ether, "supply");
        vm.assertEq(uint256(token.decimals()), 18, "decimals");
    }

    function complete() private returns (HoldTokenFace token) {
        token = deployToken();
        vm.prank(POOL);
        token.joinAsStakePool();
        vm.prank(MINE);
        token.joinAsMine();
    }
}

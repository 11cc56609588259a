// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {vm} from "./Cheats.sol";
import {HoldTokenFace, deployToken} from "./Deploy.sol";

contract HoldTokenTest {
    address private constant SOMEONE = address(0x50E0);

    function test_the_minter_mints_once_and_is_gone() public {
        HoldTokenFace token = deployToken(address(this));
        token.mint(SOMEONE, 5 ether);
        vm.assertEq(token.totalSupply(), 5 ether, "supply");
        vm.assertEq(token.balanceOf(SOMEONE), 5 ether, "balance");
        vm.assertEq(token.minter(), address(0), "minter");

        vm.expectRevert(abi.encodeWithSelector(HoldTokenFace.HoldMintByOther.selector, address(0), address(this)));
        token.mint(SOMEONE, 1);
    }

    function testFuzz_nobody_but_the_minter_mints(address caller) public {
        vm.assume(caller != address(this));
        HoldTokenFace token = deployToken(address(this));
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(HoldTokenFace.HoldMintByOther.selector, address(this), caller));
        token.mint(caller, 1);
    }

    function testFuzz_a_minter_is_refused_on_every_other_chain(uint64 chainId) public {
        vm.assume(chainId != 31_337 && chainId != 0);
        vm.chainId(chainId);
        vm.expectRevert(
            abi.encodeWithSelector(HoldTokenFace.HoldMinterOnlyOnDevChain.selector, 31_337, uint256(chainId))
        );
        deployToken(address(this));
    }

    function test_without_a_minter_the_supply_stays_zero_on_any_chain() public {
        vm.chainId(1);
        HoldTokenFace token = deployToken(address(0));
        vm.assertEq(token.totalSupply(), 0, "supply");
        vm.expectRevert(abi.encodeWithSelector(HoldTokenFace.HoldMintByOther.selector, address(0), address(this)));
        token.mint(SOMEONE, 1);
    }

    function test_burning_lowers_the_supply() public {
        HoldTokenFace token = deployToken(address(this));
        token.mint(address(this), 5 ether);
        token.burn(2 ether);
        vm.assertEq(token.totalSupply(), 3 ether, "supply");
        vm.assertEq(uint256(token.decimals()), 18, "decimals");
    }
}

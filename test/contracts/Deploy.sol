// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IBurnable} from "../../contracts/interfaces/IBurnable.sol";
import {IHoldToken} from "../../contracts/interfaces/IHoldToken.sol";
import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {IMine} from "../../contracts/interfaces/IMine.sol";
import {IRegistrar, Policy, PolicyTerms} from "../../contracts/interfaces/IRegistrar.sol";
import {IStakePool} from "../../contracts/interfaces/IStakePool.sol";
import {UnixTime, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";

// The contracts under test are created from the compiled artifacts, the same bytes that the bindings carry, and met only by
// their interfaces. (To import them would have the compiler build each of them again for every test.)

/// All that can be called on the token.
interface HoldTokenFace is IERC20Metadata, IERC20Permit, IBurnable, IHoldToken {}

/// All that can be called on the stake pool.
interface StakePoolFace is IStakePool {
    function multicall(bytes[] calldata calls) external returns (bytes[] memory);
    function token() external view returns (address);
    function registrar() external view returns (address);
    function market() external view returns (address);
    function kappa() external view returns (uint256);
    function minimumStake() external view returns (Wei);
    function pokedAt() external view returns (UnixTime);
    function accounted() external view returns (Wei);
    function undistributed() external view returns (Wei);
    function caseIdOf(Placement calldata placement) external view returns (bytes32);
}

/// All that can be called on the mine.
interface MineFace is IMine {
    function token() external view returns (address);
    function stakePool() external view returns (address);
}

/// All that can be called on the market.
interface MarketFace is IMarket, IERC5267 {
    function multicall(bytes[] calldata calls) external returns (bytes[] memory);
    function token() external view returns (address);
    function stakePool() external view returns (address);
}

/// All that can be called on the registrar.
interface RegistrarFace is IRegistrar, IERC5267 {
    function multicall(bytes[] calldata calls) external returns (bytes[] memory);
}

function deployToken() returns (HoldTokenFace) {
    return HoldTokenFace(create(vm.getCode("HoldToken.sol:HoldToken"), ""));
}

/// A token of which the caller is the mine: tests mint what they need.
function deployOwnToken() returns (HoldTokenFace token) {
    token = deployToken();
    token.joinAsMine();
}

/// A market without a stake pool: fees are burned.
function deployMarket(address token, uint64 floor) returns (MarketFace) {
    return deployMarketOf(token, address(0), floor);
}

function deployMarketOf(address token, address stakePool, uint64 floor) returns (MarketFace) {
    return MarketFace(create(vm.getCode("Market.sol:Market"), abi.encode(token, stakePool, floor)));
}

function deployStakePool(address token, address registrar, uint256 kappa, uint256 minimum) returns (StakePoolFace) {
    bytes memory args = abi.encode(token, registrar, kappa, minimum);
    return StakePoolFace(create(vm.getCode("StakePool.sol:StakePool"), args));
}

function deployMine(address token, address stakePool, uint256 target) returns (MineFace) {
    return MineFace(create(vm.getCode("Mine.sol:Mine"), abi.encode(token, stakePool, target)));
}

function deployRegistrar(bytes memory masterKey, uint32 period) returns (RegistrarFace) {
    return deployRegistrar(masterKey, period, policyTerms());
}

function deployRegistrar(bytes memory masterKey, uint32 period, PolicyTerms memory terms) returns (RegistrarFace) {
    return RegistrarFace(create(vm.getCode("Registrar.sol:Registrar"), abi.encode(masterKey, period, terms)));
}

/// The policy of chain/bindings/deployment-plan.ts, and its bounds.
function policyTerms() pure returns (PolicyTerms memory terms) {
    terms.initial = Policy(0, 2_500, 3_000, 31, 21, 7, false);
    terms.least = Policy(0, 0, 1_000, 7, 4, 7, false);
    terms.most = Policy(500, 10_000, 9_000, 101, 101, 31, true);
}

function create(bytes memory code, bytes memory args) returns (address made) {
    bytes memory init = bytes.concat(code, args);
    assembly ("memory-safe") {
        made := create(0, add(init, 0x20), mload(init))
        if iszero(made) {
            let free := mload(0x40)
            returndatacopy(free, 0, returndatasize())
            revert(free, returndatasize())
        }
    }
}

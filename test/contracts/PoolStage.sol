// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Level} from "../../contracts/interfaces/IRegistrar.sol";
import {IStakePool} from "../../contracts/interfaces/IStakePool.sol";
import {Gwei, UnixTime, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {publicKeyOf} from "./Curve.sol";
import {RegistrarFace, StakePoolFace, deployMarketOf, deployOwnToken, deployRegistrar, deployStakePool} from "./Deploy.sol";
import {Stage} from "./Stage.sol";

/// A market with a stake pool and a pool of people: a master, two managers, and a steward of the first manager.
abstract contract PoolStage is Stage {
    uint256 internal constant KAPPA = 139_761_942_375_158_697; // ln 1.15
    uint256 internal constant MINIMUM = 1 ether;
    uint256 internal constant STAKE = 1_000 ether;
    uint32 internal constant UNBONDING = 21 days;

    uint256 internal constant MASTER_KEY = 0x3A57E2;
    uint256 internal constant MANAGER_KEY = 0x3A4A9E2;
    uint256 internal constant SECOND_MANAGER_KEY = 0x3A4A9E3;

    address internal immutable master = vm.addr(MASTER_KEY);
    address internal immutable manager = vm.addr(MANAGER_KEY);
    address internal immutable secondManager = vm.addr(SECOND_MANAGER_KEY);

    RegistrarFace internal registrar;
    StakePoolFace internal pool;

    function setUp() public virtual override {
        vm.warp(START);
        setUpPool();
        token.mint(address(this), 1_000_000 ether);
        fund(uploader, FUNDS);
    }

    /// The test is the mine.
    function setUpPool() internal {
        token = deployOwnToken();
        registrar = deployRegistrar(publicKeyOf(MASTER_KEY), 365 days);
        pool = deployStakePool(address(token), address(registrar), KAPPA, MINIMUM);
        market = deployMarketOf(address(token), address(pool), FLOOR);
        enter(MANAGER_KEY);
        enter(SECOND_MANAGER_KEY);
        enter(STEWARD_KEY);
        appoint(manager);
        appoint(secondManager);
        vm.prank(manager);
        registrar.assignManager(steward, manager);
    }

    function enter(uint256 key) internal {
        bytes memory pubkey = publicKeyOf(key);
        vm.prank(vm.addr(key));
        registrar.register(pubkey, "", "");
    }

    function appoint(address id) internal {
        vm.prank(master);
        registrar.setLevel(id, Level.delegate);
        vm.prank(master);
        registrar.setRoles(id, 8);
    }

    function stakeFor(address account, uint256 amount) internal {
        token.transfer(account, amount);
        vm.prank(account);
        token.approve(address(pool), amount);
        vm.prank(account);
        pool.stake(Wei.wrap(amount));
    }

    function bondFor(address account, uint256 amount) internal {
        stakeFor(account, amount);
        vm.prank(account);
        pool.bond(Wei.wrap(amount));
    }

    function stakedOf(address account) internal view returns (uint256) {
        return Wei.unwrap(pool.holdingOf(account).staked);
    }

    function bondedOf(address account) internal view returns (uint256) {
        return Wei.unwrap(pool.holdingOf(account).bonded);
    }

    function pendingOf(address account) internal view returns (uint256) {
        return Wei.unwrap(pool.holdingOf(account).pending);
    }

    function sumOf(address account) internal view returns (uint256) {
        IStakePool.Holding memory it = pool.holdingOf(account);
        return
            Wei.unwrap(it.staked) +
            Wei.unwrap(it.bonded) +
            Wei.unwrap(it.pending) +
            Wei.unwrap(it.leaving) +
            Wei.unwrap(it.held);
    }

    /// A placement of the uploader's with the steward; `n` tells one from another.
    function aPlacement(uint256 n, uint64 bond) internal view returns (IStakePool.Placement memory it) {
        it.uploader = uploader;
        it.steward = steward;
        it.blobId = keccak256(abi.encode("blob", n));
        it.length = 1_000;
        it.price = 5_300_000_000_000_000;
        it.start = UnixTime.wrap(uint32(START));
        it.end = UnixTime.wrap(uint32(START + 90 days));
        it.grace = 14 days;
        it.bond = Gwei.wrap(bond);
        it.version = 1;
    }

    function signPlacement(uint256 key, IStakePool.Placement memory it) internal view returns (bytes memory) {
        bytes memory type_ = bytes.concat(
            "Placement(address uploader,address steward,bytes32 blobId,uint64 length,uint128 price,uint128 egressPrice,",
            "uint64 egressFree,uint32 start,uint32 end,uint32 grace,uint64 bond,bytes32 answersRoot,bytes32 tokenHash,",
            "bytes32 advert,uint32 offerUntil,uint32 version)"
        );
        bytes32 structHash = keccak256(bytes.concat(keccak256(type_), abi.encode(it)));
        return sign(key, digestFor(block.chainid, address(market), structHash));
    }

    /// What the test expects an amount to have become.
    function assertClose(uint256 got, uint256 expected, uint256 ppm, string memory what) internal pure {
        uint256 apart = got > expected ? got - expected : expected - got;
        vm.assertTrue(
            apart <= (expected * ppm) / 1_000_000,
            string.concat(what, ": ", vm.toString(got), " for ", vm.toString(expected))
        );
    }
}

// e^x for x = rate x seconds, by a way of its own: the growth of one second, squared again and again. Rounded up.
function grownBy(uint256 amount, uint256 kappa, uint256 elapsed) pure returns (uint256) {
    uint256 one = 2 ** 96;
    uint256 x = (kappa * one) / (1e18 * 365 days) + 1;
    uint256 square = (x * x) / (2 * one) + 1;
    uint256 base = one + x + square + (square * x) / (2 * one) + 1; // more than e^x: the third term is taken half too large
    uint256 power = one;
    while (elapsed > 0) {
        if (elapsed & 1 == 1) power = (power * base) / one + 1;
        base = (base * base) / one + 1;
        elapsed >>= 1;
    }
    return (amount * power) / one + 1;
}

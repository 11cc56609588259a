// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IStakePool} from "../../contracts/interfaces/IStakePool.sol";
import {Gwei, UnixTime, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {PoolStage, grownBy} from "./PoolStage.sol";

/// Plays the stake pool at random for years: people stake, bond, leave, claim, pay fees; tokens are mined; a manager opens cases.
/// It keeps its own account of what the supply may be and of what was paid, from the rules and not from the pool's code.
contract PoolHandler is PoolStage {
    uint256 private constant ACTORS = 3; // uploader, steward, other

    address[] private _actors;
    bytes32[] private _cases;
    uint256 private _placements;

    uint256 public bound; // wei: what was mined, each grown since then
    uint256 private _boundAt;
    uint256 public breaks;
    string public firstBreak;

    uint256 public stakes;
    uint256 public claims;
    uint256 public executions;
    uint256 public withdrawals;

    function begin() external {
        vm.warp(START);
        setUpPool();
        _actors = [uploader, steward, other];
        _boundAt = START;
        mine(100_000 ether);
        for (uint256 i = 0; i < ACTORS; ++i) fund(_actors[i], 1_000 ether);
    }

    /// The mine as it is: poke, then mint.
    function mine(uint256 amount) public {
        amount %= 1_000_000 ether;
        pool.poke();
        token.mint(address(this), amount);
        bound = grownBy(bound, KAPPA, block.timestamp - _boundAt) + amount;
        _boundAt = block.timestamp;
    }

    function wait(uint32 howLong) external {
        vm.warp(block.timestamp + (howLong % 60 days));
    }

    function poke() external {
        pool.poke();
    }

    function stake(uint256 who, uint256 amount) external {
        amount = MINIMUM + (amount % 1_000 ether);
        if (token.balanceOf(address(this)) < amount) return;
        address actor = _actors[who % ACTORS];
        uint256 before = stakedOf(actor);
        stakeFor(actor, amount);
        if (stakedOf(actor) != before + amount) _break("stake");
        ++stakes;
    }

    function bond(uint256 who, uint256 amount) external {
        address actor = _actors[who % ACTORS];
        uint256 there = stakedOf(actor);
        if (there == 0) return;
        vm.prank(actor);
        pool.bond(Wei.wrap(amount % (there + 1)));
    }

    /// Out of stake or bond, as much as there is or more, down to dust or not.
    function takeOut(uint256 who, uint256 amount, bool bonded, bool whole) external {
        address actor = _actors[who % ACTORS];
        uint256 there = bonded ? bondedOf(actor) : stakedOf(actor);
        amount = whole ? there : amount % (there + 2);
        uint256 rest = stakedOf(actor) + bondedOf(actor) - (amount <= there ? amount : 0);
        bool fits = amount > 0 && amount <= there && (rest == 0 || rest >= MINIMUM) && pool.exitsOf(actor).length < 16;
        vm.prank(actor);
        (bool ok, ) = address(pool).call(
            bonded
                ? abi.encodeCall(IStakePool.unbond, (Wei.wrap(amount)))
                : abi.encodeCall(IStakePool.unstake, (Wei.wrap(amount)))
        );
        if (ok != fits) _break("take out");
    }

    function withdraw(uint256 who) external {
        address actor = _actors[who % ACTORS];
        IStakePool.Exit[] memory exits = pool.exitsOf(actor);
        uint256 ready = 0;
        for (uint256 i = 0; i < exits.length; ++i) {
            if (block.timestamp >= UnixTime.unwrap(exits[i].ready)) ready += exits[i].amount;
        }
        uint256 before = token.balanceOf(actor);
        vm.prank(actor);
        try pool.withdraw(actor) {
            ++withdrawals;
        } catch {}
        if (token.balanceOf(actor) - before != ready) _break("withdraw");
    }

    function claim(uint256 who) external {
        address actor = _actors[who % ACTORS];
        pool.poke();
        uint256 pending = pendingOf(actor);
        uint256 before = token.balanceOf(actor);
        vm.prank(actor);
        pool.claim(actor);
        if (token.balanceOf(actor) - before != pending || pendingOf(actor) != 0) _break("claim");
        if (pending > 0) ++claims;
    }

    function advertise(uint256 who, uint64 value) external {
        address actor = _actors[who % ACTORS];
        if (balanceOf(actor) < 1 ether) return;
        vm.prank(actor);
        market.advertise(keccak256("advert"), Gwei.wrap(value % 50e9));
    }

    function give(uint256 amount) external {
        amount %= 1 ether;
        if (token.balanceOf(address(this)) < amount) return;
        token.transfer(address(pool), amount);
    }

    /// A case on a placement of its own, within or beyond what the rules allow.
    function propose(uint64 amount, uint64 repairCost, bool modest) external {
        uint256 bonds = Wei.unwrap(pool.totalBonds()) / 1e9;
        amount = modest ? uint64(bonds / 100) : amount % uint64(bonds + 1);
        IStakePool.Placement memory it = aPlacement(++_placements, amount);
        (bytes memory one, bytes memory two) = (signPlacement(UPLOADER_KEY, it), signPlacement(STEWARD_KEY, it));
        uint256 before = _answering();
        vm.prank(manager);
        try pool.propose(it, Gwei.wrap(amount), Gwei.wrap(repairCost), one, two, "") {
            _cases.push(pool.caseIdOf(it));
            if (inWei(amount) > Wei.unwrap(pool.totalBonds()) / 20) _break("more than a twentieth");
            if (before - _answering() != inWei(amount)) _break("held");
        } catch {
            if (before != _answering()) _break("a refused case holds");
        }
    }

    function decide(uint256 which, uint8 how) external {
        if (_cases.length == 0) return;
        bytes32 id = _cases[which % _cases.length];
        IStakePool.Case memory it = pool.caseOf(id);
        uint256 amount = inWei(Gwei.unwrap(it.amount));
        uint256 before = sumOf(uploader);
        if (how % 3 == 0) {
            vm.prank(secondManager);
            try pool.veto(id) {} catch {}
        } else if (how % 3 == 1) {
            pool.poke();
            before = sumOf(uploader);
            uint256 supply = token.totalSupply();
            try pool.execute(id) {
                ++executions;
                uint256 paid = sumOf(uploader) - before;
                if (paid > amount / 2 || paid > inWei(Gwei.unwrap(it.repairCost))) _break("paid too much");
                if (supply - token.totalSupply() != amount - paid) _break("burned");
            } catch {}
        } else {
            try pool.lapse(id) {} catch {}
        }
    }

    // --- for the invariants

    /// Stakes, bonds, what leaves, what is held, pending and undistributed. Wei.
    function owed() external view returns (uint256 sum) {
        for (uint256 i = 0; i < ACTORS; ++i) sum += sumOf(_actors[i]);
        sum += Wei.unwrap(pool.undistributed());
    }

    function held() external view returns (uint256) {
        return token.balanceOf(address(pool));
    }

    function accounted() external view returns (uint256) {
        return Wei.unwrap(pool.accounted());
    }

    /// What the supply may be by now. Wei.
    function boundNow() external view returns (uint256) {
        return grownBy(bound, KAPPA, block.timestamp - _boundAt);
    }

    function supplyNow() external view returns (uint256) {
        return token.totalSupply();
    }

    function bondsAgree() external view returns (bool) {
        uint256 sum = 0;
        for (uint256 i = 0; i < ACTORS; ++i) {
            IStakePool.Holding memory it = pool.holdingOf(_actors[i]);
            sum += Wei.unwrap(it.bonded) + Wei.unwrap(it.held);
            IStakePool.Exit[] memory exits = pool.exitsOf(_actors[i]);
            for (uint256 j = 0; j < exits.length; ++j) if (exits[j].bonded) sum += exits[j].amount;
        }
        return sum == Wei.unwrap(pool.totalBonds());
    }

    function _answering() private view returns (uint256 sum) {
        sum = bondedOf(steward);
        IStakePool.Exit[] memory exits = pool.exitsOf(steward);
        for (uint256 j = 0; j < exits.length; ++j) if (exits[j].bonded) sum += exits[j].amount;
    }

    function _break(string memory what) private {
        if (breaks++ == 0) firstBreak = what;
    }
}

// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {BountyId, Gwei, GweiSum, UnixTime, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {HoldTokenFace, MarketFace} from "./Deploy.sol";
import {Stage} from "./Stage.sol";

/// Plays the market at random: three actors who are uploaders, stewards and thieves at once. It keeps its own account of what
/// must be true, from the rules and not from the market's code, and counts every call after which it is not.
contract MarketHandler is Stage {
    enum State {
        never,
        open,
        swept,
        revoked
    }

    struct Book {
        address poster;
        address steward;
        uint256 key;
        uint64 amount;
        uint32 deadline;
        State state;
    }

    uint256 private constant ACTORS = 3;
    uint256 private constant KEYS = 3;
    uint256 private constant FIRST_CLAIM = 0xC1A1;

    address[] public actors;
    uint256[] private _secrets;
    address[] private _claimKeys; // of the secrets FIRST_CLAIM, FIRST_CLAIM + 1, ...

    BountyId[] public ids; // every id ever posted, once
    mapping(BountyId id => Book) public book;

    uint256 public posted; // gwei
    uint256 public swept;
    uint256 public revoked;
    uint256 public fees; // wei
    uint256 public deposited; // wei
    uint256 public withdrawn; // wei
    uint256 public donated; // wei sent to the market past it

    mapping(address from => mapping(address to => uint128)) public promised; // highest signed cumulative, gwei
    mapping(address from => mapping(address to => uint128)) private _redeemed; // as last seen
    int256 public settledSum; // of all deltas taken, gwei

    // calls after which the rule did not hold; the first is named
    uint256 public breaks;
    string public firstBreak;

    // how often something really happened, so that a run that proves nothing is seen
    uint256 public sweeps;
    uint256 public misses;
    uint256 public revokes;
    uint256 public releases;
    uint256 public redeems;
    uint256 public settles;

    function begin(HoldTokenFace token_, MarketFace market_) external {
        token = token_;
        market = market_;
        for (uint256 i = 0; i < ACTORS; ++i) {
            _secrets.push(0xAC708 + i);
            actors.push(vm.addr(_secrets[i]));
        }
        for (uint256 i = 0; i <= KEYS; ++i) _claimKeys.push(vm.addr(FIRST_CLAIM + i));
    }

    // --- what an actor can do, rightly or not

    function deposit(uint256 who, uint256 amount) external {
        amount = (amount % 10 ether) + 1;
        address actor = actors[who % ACTORS];
        uint256[] memory before = _balances();
        fund(actor, amount);
        deposited += amount;
        _expect(before, actor, int256(amount), "deposit");
    }

    function withdraw(uint256 who, uint256 amount, uint256 to) external {
        address actor = actors[who % ACTORS];
        uint256[] memory before = _balances();
        amount = amount % (balanceOf(actor) + 1);
        vm.prank(actor);
        market.withdraw(Wei.wrap(amount), actors[to % ACTORS]);
        withdrawn += amount;
        _expect(before, actor, -int256(amount), "withdraw");
    }

    function overdraw(uint256 who, uint256 more) external {
        address actor = actors[who % ACTORS];
        uint256 amount = balanceOf(actor) + 1 + (more % 1e30);
        vm.prank(actor);
        try market.withdraw(Wei.wrap(amount), actor) {
            _break("INV5 overdraw");
        } catch {}
    }

    function advertise(uint256 who, uint64 value) external {
        address actor = actors[who % ACTORS];
        value %= 1e9;
        uint256 share = (uint256(value) + 49) / 50;
        uint256 fee = (share > FLOOR ? share : FLOOR) * 1e9;
        if (balanceOf(actor) < fee) return;
        uint256[] memory before = _balances();
        vm.prank(actor);
        market.advertise(keccak256("advert"), Gwei.wrap(value));
        fees += fee;
        _expect(before, actor, -int256(fee), "advertise");
    }

    function post(uint256 who, uint256 forWhom, uint256 key, uint64 amount, uint32 ahead) external {
        address poster = actors[who % ACTORS];
        forWhom %= ACTORS + 1;
        address to = forWhom == ACTORS ? address(0) : actors[forWhom];
        address keyAddress = _claimKeys[key % KEYS];
        amount = (amount % 1e9) + 1;
        uint32 deadline = uint32(block.timestamp) + (ahead % 60 days);
        BountyId id = _idOf(poster, keyAddress, to);
        if (book[id].state == State.open || balanceOf(poster) < inWei(amount)) return;
        uint256[] memory before = _balances();
        vm.prank(poster);
        market.post(to, UnixTime.wrap(deadline), aPost(keyAddress, amount));
        if (book[id].state == State.never) ids.push(id);
        book[id] = Book(poster, to, key % KEYS, amount, deadline, State.open);
        posted += amount;
        _expect(before, poster, -int256(inWei(amount)), "post");
    }

    /// A claim by the right key, for anybody, with any term, on bound or open: pays iff all of it fits.
    function sweep(uint256 which, uint256 whom, bool honest, bool open, uint32 drift) external {
        if (ids.length == 0) return;
        Book memory it = book[ids[which % ids.length]];
        Claim memory claim = Claim(actors[whom % ACTORS], it.deadline, open);
        if (honest) {
            claim.open = it.steward == address(0);
            if (!claim.open) claim.payee = it.steward;
        } else {
            claim.deadline = it.deadline + (drift % 3) - 1;
        }
        _sweep(it, claim, actors[(whom >> 8) % ACTORS]);
    }

    struct Claim {
        address payee;
        uint32 deadline;
        bool open;
    }

    function _sweep(Book memory it, Claim memory claim, address sender) private {
        BountyId hit = _idOf(it.poster, _claimKeys[it.key], claim.open ? address(0) : claim.payee);
        Book memory target = book[hit];
        bool fits = target.state == State.open &&
            target.deadline == claim.deadline &&
            block.timestamp <= claim.deadline;
        uint256[] memory before = _balances();
        IMarket.Signature memory signature = signClaim(FIRST_CLAIM + it.key, claim.payee, claim.deadline);
        vm.prank(sender); // anyone may submit it
        market.sweep(claim.payee, aGroup(it.poster, claim.deadline, claim.open, signature));
        if (fits) {
            book[hit].state = State.swept;
            swept += target.amount;
            ++sweeps;
        } else {
            ++misses;
        }
        _expect(before, claim.payee, fits ? int256(inWei(target.amount)) : int256(0), "sweep");
    }

    function revoke(uint256 which, uint256 who, bool honest) external {
        if (ids.length == 0) return;
        BountyId id = ids[which % ids.length];
        Book memory it = book[id];
        address caller = honest ? it.poster : actors[who % ACTORS];
        bool fits = it.state == State.open &&
            caller == it.poster &&
            block.timestamp >= uint256(it.deadline) + 3600;
        uint256[] memory before = _balances();
        vm.prank(caller);
        try market.revoke(anIdList(id)) {
            if (!fits) _break("INV3 revoke");
            book[id].state = State.revoked;
            revoked += it.amount;
            ++revokes;
        } catch {
            if (fits) _break("INV11 revoke refused");
        }
        _expect(before, it.poster, fits ? int256(inWei(it.amount)) : int256(0), "revoke");
    }

    function release(uint256 which, uint256 who, uint256 signer, bool honest, uint32 drift) external {
        if (ids.length == 0) return;
        BountyId id = ids[which % ids.length];
        Book memory it = book[id];
        address caller = honest ? it.poster : actors[who % ACTORS];
        signer = honest ? _indexOf(it.steward) : signer % ACTORS;
        uint32 deadline = honest ? it.deadline : it.deadline + (drift % 3) - 1;
        bool fits = it.state == State.open &&
            caller == it.poster &&
            it.steward != address(0) &&
            actors[signer] == it.steward &&
            deadline == it.deadline;
        bytes memory signature = signRelease(_secrets[signer], id, deadline);
        uint256[] memory before = _balances();
        vm.prank(caller);
        try market.revokeReleased(aRelease(_claimKeys[it.key], it.steward, signature)) {
            if (!fits) _break("INV3 release");
            book[id].state = State.revoked;
            revoked += it.amount;
            ++releases;
        } catch {
            if (fits) _break("INV11 release refused");
        }
        _expect(before, it.poster, fits ? int256(inWei(it.amount)) : int256(0), "release");
    }

    /// Tokens sent past `deposit` belong to nobody and disturb nobody.
    function donate(uint256 amount) external {
        amount %= 1 ether;
        uint256[] memory before = _balances();
        token.transfer(address(market), amount);
        donated += amount;
        _expect(before, actors[0], 0, "donate");
    }

    function wait(uint32 howLong) external {
        vm.warp(block.timestamp + (howLong % 20 days));
    }

    /// A promise more: the newest voucher counts.
    function promise_(uint256 who, uint256 whom, uint64 more) external {
        promised[actors[who % ACTORS]][actors[whom % ACTORS]] += more % 1e9;
    }

    /// A voucher as high as was signed, lower, or as high as nobody signed; by the right key or another.
    function redeem(uint256 who, uint256 whom, uint64 lower, bool honest) external {
        who %= ACTORS;
        (address from, address to) = (actors[who], actors[whom % ACTORS]);
        uint128 most = promised[from][to];
        IMarket.Voucher memory voucher = aVoucher(from, to, honest ? most : most / (1 + (lower % 3)));
        bool isSigned = honest || lower % 2 == 0;
        bytes memory signature = signVoucher(_secrets[isSigned ? who : (who + 1) % ACTORS], voucher);
        uint128 before = GweiSum.unwrap(market.redeemed(from, to));
        uint128 asked = GweiSum.unwrap(voucher.cumulative);
        bool fits = isSigned && asked > before;
        uint256 paid = 0;
        if (fits) {
            paid = asked - before;
            if (paid > balanceOf(from) / 1e9) paid = balanceOf(from) / 1e9;
        }
        uint256[] memory all = _balances();
        try market.redeem(voucher, signature) {
            if (!fits) _break("INV6 redeem");
            ++redeems;
        } catch {
            if (fits) _break("INV11 redeem refused");
        }
        if (GweiSum.unwrap(market.redeemed(from, to)) != before + paid) _break("INV6 redeemed");
        _expectMove(all, from, to, paid * 1e9, "redeem");
    }

    /// One pays another and a promise of it ends, with all signatures or one too few, in balance or not, twice or once.
    function settle(uint256 who, uint256 whom, uint64 amount, uint256 fault, bool honest) external {
        who %= ACTORS;
        whom %= ACTORS;
        if (who == whom) whom = (whom + 1) % ACTORS;
        (address from, address to) = (actors[who], actors[whom]);
        amount = 1 + (amount % 1e9);
        fault = honest ? 0 : fault % 5;
        uint128 before = GweiSum.unwrap(market.redeemed(from, to));
        uint128 retired = fault == 1 && before > 0 ? before - 1 : before + amount;
        IMarket.NetStatement memory it = _statement(from, to, amount, fault == 2 ? int128(1) : int128(0));
        it.retired[0] = IMarket.Retired(from, to, GweiSum.wrap(retired));
        if (fault == 3) it.expires = UnixTime.wrap(uint32(block.timestamp) - 1);
        IMarket.Consent[] memory consents = _consents(it, who, whom, fault == 4);
        bool fits = balanceOf(from) >= inWei(amount) && (fault == 0 || (fault == 1 && before == 0));
        uint256[] memory all = _balances();
        try market.settle(it, consents) {
            if (!fits) _break("INV7 settle");
            if (retired > promised[from][to]) promised[from][to] = retired; // signed by whom it is owed to
            for (uint256 i = 0; i < it.deltas.length; ++i) settledSum += it.deltas[i].amount;
            ++settles;
            _expectMove(all, from, to, inWei(amount), "settle");
            try market.settle(it, consents) {
                _break("INV5 settled twice");
            } catch {}
        } catch {
            if (fits) _break("INV11 settle refused");
            _expectMove(all, from, to, 0, "settle refused");
        }
    }

    uint256 private _salt;

    function _statement(
        address from,
        address to,
        uint64 amount,
        int128 unbalanced
    ) private returns (IMarket.NetStatement memory it) {
        it.deltas = new IMarket.Delta[](2);
        bool isFirst = from < to;
        it.deltas[isFirst ? 0 : 1] = IMarket.Delta(from, -int128(uint128(amount)));
        it.deltas[isFirst ? 1 : 0] = IMarket.Delta(to, int128(uint128(amount)) + unbalanced);
        it.retired = new IMarket.Retired[](1);
        it.salt = bytes32(++_salt);
        it.expires = UnixTime.wrap(uint32(block.timestamp));
    }

    function _consents(
        IMarket.NetStatement memory it,
        uint256 who,
        uint256 whom,
        bool isForged
    ) private view returns (IMarket.Consent[] memory consents) {
        consents = new IMarket.Consent[](2);
        bytes32 digest = netDigest(it);
        bool isFirst = actors[who] < actors[whom];
        consents[isFirst ? 0 : 1] = IMarket.Consent(actors[who], sign(_secrets[isForged ? whom : who], digest));
        consents[isFirst ? 1 : 0] = IMarket.Consent(actors[whom], sign(_secrets[whom], digest));
    }

    // --- for the invariants

    /// Whether no promise paid more than was signed, or less than before.
    function promisesAgree() external returns (bool) {
        for (uint256 i = 0; i < ACTORS; ++i) {
            for (uint256 j = 0; j < ACTORS; ++j) {
                uint128 paid = GweiSum.unwrap(market.redeemed(actors[i], actors[j]));
                if (paid > promised[actors[i]][actors[j]] || paid < _redeemed[actors[i]][actors[j]]) return false;
                _redeemed[actors[i]][actors[j]] = paid;
            }
        }
        return true;
    }

    function count() external view returns (uint256) {
        return ids.length;
    }

    function sumOfBalances() external view returns (uint256 sum) {
        for (uint256 i = 0; i < ACTORS; ++i) sum += balanceOf(actors[i]);
    }

    /// What the market itself holds open, of every id that was ever posted. Gwei.
    function sumOfOpen() external view returns (uint256 sum) {
        for (uint256 i = 0; i < ids.length; ++i) {
            (, Gwei amount, ) = market.bounties(ids[i]);
            sum += Gwei.unwrap(amount);
        }
    }

    /// Whether every slot of the market is what the log of this handler says: open iff neither swept nor revoked.
    function slotsAgree() external view returns (bool) {
        for (uint256 i = 0; i < ids.length; ++i) {
            Book memory it = book[ids[i]];
            (address poster, Gwei amount, UnixTime deadline) = market.bounties(ids[i]);
            if (it.state == State.open) {
                if (poster != it.poster || Gwei.unwrap(amount) != it.amount) return false;
                if (UnixTime.unwrap(deadline) != it.deadline) return false;
            } else if (poster != address(0) || Gwei.unwrap(amount) != 0) {
                return false;
            }
        }
        return true;
    }

    /// Tries what an actor must always be able to do, and undoes it. Which actor is drawn from how far the play has come.
    /// @return free it can draw all it has, and post under any key that it has not open itself
    function probeFreedom() external returns (bool free) {
        uint256 draw = uint256(keccak256(abi.encode(posted, deposited, block.timestamp)));
        (bool ok, bytes memory reason) = address(this).call(
            abi.encodeCall(this.actFreely, (draw % ACTORS, (draw >> 8) % ACTORS, (draw >> 16) % (KEYS + 1)))
        );
        return !ok && keccak256(reason) == keccak256(abi.encodeWithSelector(Undo.selector));
    }

    error Undo();

    function actFreely(uint256 who, uint256 forWhom, uint256 key) external {
        address actor = actors[who];
        fund(actor, inWei(1));
        if (book[_idOf(actor, _claimKeys[key], actors[forWhom])].state != State.open) {
            vm.prank(actor);
            market.post(actors[forWhom], UnixTime.wrap(uint32(block.timestamp)), aPost(_claimKeys[key], 1));
        }
        Wei all = market.balances(actor);
        vm.prank(actor);
        market.withdraw(all, actor);
        revert Undo();
    }

    // --- INV4 and INV5: one balance moves as the rule says, no other moves at all

    function _balances() private view returns (uint256[] memory all) {
        all = new uint256[](ACTORS);
        for (uint256 i = 0; i < ACTORS; ++i) all[i] = balanceOf(actors[i]);
    }

    function _expect(uint256[] memory before, address whose, int256 change, string memory what) private {
        for (uint256 i = 0; i < ACTORS; ++i) {
            int256 moved = int256(balanceOf(actors[i])) - int256(before[i]);
            if (moved != (actors[i] == whose ? change : int256(0))) _break(what);
        }
    }

    /// One balance falls by what another rises by.
    function _expectMove(uint256[] memory before, address from, address to, uint256 amount, string memory what) private {
        for (uint256 i = 0; i < ACTORS; ++i) {
            int256 expected = 0;
            if (actors[i] == from) expected -= int256(amount);
            if (actors[i] == to) expected += int256(amount);
            if (int256(balanceOf(actors[i])) - int256(before[i]) != expected) _break(what);
        }
    }

    function _break(string memory what) private {
        if (breaks++ == 0) firstBreak = what;
    }

    /// Made here and not by the market: the play must notice a market that mixes up whose bounty is whose.
    function _idOf(address poster, address keyAddress, address to) private pure returns (BountyId) {
        return BountyId.wrap(keccak256(abi.encode(poster, keyAddress, to)));
    }

    function _indexOf(address actor) private view returns (uint256) {
        for (uint256 i = 0; i < ACTORS; ++i) if (actors[i] == actor) return i;
        return 0; // an open bounty has no steward who could sign
    }
}

// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IBurnable} from "./interfaces/IBurnable.sol";
import {IHoldToken} from "./interfaces/IHoldToken.sol";
import {IRegistrar} from "./interfaces/IRegistrar.sol";
import {IStakePool} from "./interfaces/IStakePool.sol";
import {Cases} from "./libraries/Cases.sol";
import {Inflation} from "./libraries/Inflation.sol";
import {SignedTypes} from "./libraries/SignedTypes.sol";
import {Staker, Stakes, Stream} from "./libraries/Stakes.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {Gwei, UnixTime, Wei} from "./types/Units.sol";

/// @title StakePool: stakes that earn what the supply grows by and what adverts cost, and bonds that answer for stewards
/// @notice Reads the clock, checks signatures, moves the tokens. The rules are in libraries/. It has no owner, and nobody can
///         pause it; the pool's trust core can take a bond by a case, and nothing else.
/// @dev INV8 sum of (stakes + bonds + pending + undistributed) <= token.balanceOf(this), bonds with all that leaves or is held.
///      INV9 supply <= sum of mined_i x e^(kappa (t - t_i)).
contract StakePool is IStakePool, Multicall, ReentrancyGuardTransient {
    using Stakes for Stream;
    using Stakes for Staker;
    using Tokens for IBurnable;

    IBurnable public immutable token;
    IRegistrar public immutable registrar;
    /// @notice How fast the supply grows while somebody stakes: e^kappa a year, in units of 1e-18. For ever.
    uint256 public immutable kappa;
    /// @notice What an account has here at least, unless it is nothing. Wei.
    Wei public immutable minimumStake;

    /// @notice Whose placements bonds answer for, and who pays fees; zero until it joined.
    address public market;
    /// @notice When the supply last grew.
    UnixTime public pokedAt;
    /// @inheritdoc IStakePool
    Wei public totalBonds;
    /// @notice Tokens here that belong to somebody. What lies above it are fees, or gifts. Wei.
    Wei public accounted;
    /// @inheritdoc IStakePool
    mapping(bytes32 id => bool) public wasOpened;

    Stream private _stream;
    mapping(address account => Staker) private _stakers;
    mapping(bytes32 id => Case) private _cases;
    mapping(address manager => mapping(uint256 day => uint256)) private _proposed;

    /// @param token_ HOLD; this pool takes its place in it
    /// @param registrar_ who knows masters, managers and agents
    /// @param kappa_ ln 1.05 to ln 1.30 a year, in units of 1e-18
    /// @param minimumStake_ wei
    constructor(IHoldToken token_, IRegistrar registrar_, uint256 kappa_, Wei minimumStake_) {
        if (kappa_ < Inflation.LEAST_KAPPA || kappa_ > Inflation.MOST_KAPPA) {
            revert StakeKappaOutside(Inflation.LEAST_KAPPA, Inflation.MOST_KAPPA, kappa_);
        }
        token = IBurnable(address(token_));
        registrar = registrar_;
        kappa = kappa_;
        minimumStake = minimumStake_;
        pokedAt = _moment();
        token_.joinAsStakePool();
    }

    /// @inheritdoc IStakePool
    function joinAsMarket() external {
        if (market != address(0)) revert StakeMarketTaken(market, msg.sender);
        market = msg.sender;
    }

    /// @inheritdoc IStakePool
    function poke() public {
        UnixTime moment = _moment();
        uint256 elapsed = UnixTime.unwrap(moment) - UnixTime.unwrap(pokedAt);
        if (elapsed == 0) return;
        pokedAt = moment;
        if (!takesFees()) return; // time in which nobody stakes makes nothing
        uint256 supply = token.totalSupply();
        uint256 minted = Inflation.grown(supply, kappa, elapsed);
        if (minted == 0) return;
        IHoldToken(address(token)).mint(address(this), minted);
        accounted = accounted + Wei.wrap(minted);
        _stream.distribute(minted);
        emit Poked(Wei.wrap(minted), Wei.wrap(supply + minted));
    }

    /// @inheritdoc IStakePool
    function takeFees() external nonReentrant {
        poke();
        uint256 amount = token.balanceOf(address(this)) - Wei.unwrap(accounted);
        if (amount == 0) return;
        if (takesFees()) {
            accounted = accounted + Wei.wrap(amount);
            _stream.distribute(amount);
            emit FeesTaken(Wei.wrap(amount), Wei.wrap(0));
        } else {
            token.burn(Wei.wrap(amount));
            emit FeesTaken(Wei.wrap(0), Wei.wrap(amount));
        }
    }

    /// @inheritdoc IStakePool
    function stake(Wei amount) external nonReentrant {
        poke();
        Wei received = token.pull(msg.sender, amount);
        accounted = accounted + received;
        _stream.add(_stakers[msg.sender], Wei.unwrap(received), Wei.unwrap(minimumStake));
        emit Staked(msg.sender, received);
    }

    /// @inheritdoc IStakePool
    function bond(Wei amount) external {
        _stakers[msg.sender].toBond(Wei.unwrap(amount));
        totalBonds = totalBonds + amount;
        emit Bonded(msg.sender, amount);
    }

    /// @inheritdoc IStakePool
    function unstake(Wei amount) external {
        emit Unstaking(msg.sender, amount, _leave(amount, false));
    }

    /// @inheritdoc IStakePool
    function unbond(Wei amount) external {
        emit Unbonding(msg.sender, amount, _leave(amount, true));
    }

    /// @inheritdoc IStakePool
    function withdraw(address to) external nonReentrant {
        (uint256 total, uint256 bonds) = _stakers[msg.sender].takeReady(_moment());
        totalBonds = totalBonds - Wei.wrap(bonds);
        _pay(to, Wei.wrap(total));
        emit Withdrawn(msg.sender, to, Wei.wrap(total));
    }

    /// @inheritdoc IStakePool
    function claim(address to) external nonReentrant {
        poke();
        Staker storage staker = _stakers[msg.sender];
        _stream.bringUp(staker);
        Wei amount = Wei.wrap(staker.pending);
        staker.pending = 0;
        _pay(to, amount);
        emit Claimed(msg.sender, to, amount);
    }

    /// @inheritdoc IStakePool
    function propose(
        Placement calldata placement,
        Gwei amount,
        Gwei repairCost,
        bytes calldata uploaderSignature,
        bytes calldata stewardSignature,
        bytes32 evidenceHash
    ) external {
        address agent = placement.steward;
        Cases.assertManager(registrar, agent, msg.sender);
        if (Gwei.unwrap(amount) == 0 || Gwei.unwrap(amount) > Gwei.unwrap(placement.bond)) {
            revert Cases.CaseAmountOutside(placement.bond, amount);
        }
        bytes32 id = caseIdOf(placement);
        if (wasOpened[id]) revert Cases.CaseOpenedBefore(id);
        wasOpened[id] = true;
        _assertSigned(id, placement.uploader, uploaderSignature);
        _assertSigned(id, agent, stewardSignature);
        poke();
        uint256 value = Wei.unwrap(amount.toWei());
        Cases.count(_proposed[msg.sender], value, Wei.unwrap(totalBonds), _moment());
        _stream.hold(_stakers[agent], value);
        UnixTime from = _moment().plusSeconds(Cases.VETO_TIME);
        _cases[id] = Case(agent, msg.sender, placement.uploader, amount, repairCost, from);
        emit CaseProposed(id, agent, msg.sender, amount, repairCost, evidenceHash, from);
    }

    /// @inheritdoc IStakePool
    function veto(bytes32 id) external {
        Cases.assertVeto(registrar, _existing(id).manager, msg.sender);
        _giveBack(id);
        emit CaseVetoed(id, msg.sender);
    }

    /// @inheritdoc IStakePool
    function execute(bytes32 id) external nonReentrant {
        Case memory it = _existing(id);
        UnixTime until = it.executableFrom.plusSeconds(Cases.EXECUTION_TIME);
        if (_moment() < it.executableFrom || _moment() > until) {
            revert Cases.CaseNotExecutable(it.executableFrom, until, _moment());
        }
        delete _cases[id];
        (uint256 paid, uint256 burned) = Cases.split(it);
        _stakers[it.agent].held -= paid + burned;
        totalBonds = totalBonds - Wei.wrap(paid + burned);
        _stakers[it.uploader].pending += paid; // drawn later by the uploader
        accounted = accounted - Wei.wrap(burned);
        poke();
        token.burn(Wei.wrap(burned));
        emit CaseExecuted(id, it.uploader, Wei.wrap(paid), Wei.wrap(burned));
    }

    /// @inheritdoc IStakePool
    function lapse(bytes32 id) external {
        UnixTime until = _existing(id).executableFrom.plusSeconds(Cases.EXECUTION_TIME);
        if (!(_moment() > until)) revert Cases.CaseNotLapsed(until, _moment());
        _giveBack(id);
        emit CaseLapsed(id);
    }

    /// @inheritdoc IStakePool
    function takesFees() public view returns (bool) {
        return _stream.earning > 0;
    }

    /// @inheritdoc IStakePool
    function totalEarning() external view returns (Wei) {
        return Wei.wrap(_stream.earning);
    }

    /// @notice Rewards that a division left over and that join the next. Wei, rounded up.
    function undistributed() external view returns (Wei) {
        return Wei.wrap((_stream.carry + Stakes.SCALE - 1) / Stakes.SCALE);
    }

    /// @inheritdoc IStakePool
    function holdingOf(address account) external view returns (Holding memory) {
        Staker storage it = _stakers[account];
        return
            Holding(
                Wei.wrap(it.staked),
                Wei.wrap(it.bonded),
                Wei.wrap(it.pending + _stream.owedTo(it)),
                Wei.wrap(it.leavingOf()),
                Wei.wrap(it.held)
            );
    }

    /// @inheritdoc IStakePool
    function exitsOf(address account) external view returns (Exit[] memory) {
        return _stakers[account].exits;
    }

    /// @inheritdoc IStakePool
    function caseOf(bytes32 id) external view returns (Case memory) {
        return _cases[id];
    }

    /// @notice The digest of a placement in the market's domain (protocol.md 5).
    function caseIdOf(Placement calldata placement) public view returns (bytes32) {
        bytes32 domain = SignedTypes.marketDomain(market);
        return MessageHashUtils.toTypedDataHash(domain, SignedTypes.placement(placement));
    }

    function _leave(Wei amount, bool bonded) private returns (UnixTime ready) {
        if (Wei.unwrap(amount) == 0) revert StakeAmountZero();
        poke();
        ready = _moment().plusSeconds(Stakes.UNBONDING);
        Exit memory exit = Exit(SafeCast.toUint128(Wei.unwrap(amount)), ready, bonded);
        _stream.takeOut(_stakers[msg.sender], exit, Wei.unwrap(minimumStake));
    }

    function _giveBack(bytes32 id) private {
        Case memory it = _cases[id];
        delete _cases[id];
        poke();
        _stream.giveBack(_stakers[it.agent], Wei.unwrap(it.amount.toWei()));
    }

    function _pay(address to, Wei amount) private {
        if (to == address(this) || to == address(0)) revert StakeToNobody(to);
        accounted = accounted - amount;
        token.push(to, amount);
    }

    function _existing(bytes32 id) private view returns (Case memory it) {
        it = _cases[id];
        if (Gwei.unwrap(it.amount) == 0) revert Cases.CaseNotOpen(id);
    }

    function _assertSigned(bytes32 id, address signer, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNowCalldata(signer, id, signature)) {
            revert Cases.CaseNotSigned(id, signer);
        }
    }

    function _moment() private view returns (UnixTime) {
        return UnixTime.wrap(uint32(block.timestamp));
    }
}

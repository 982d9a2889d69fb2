using StableDiffusion.Noise;
using StableDiffusion.Tensors;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// A scheduler whose calls are known when it is created. It checks the order of the calls and has the buffers of the run, so
/// that an algorithm consists of its tables and its step.
/// </summary>
internal abstract class TableScheduler : Scheduler
{
    private readonly float[] _timesteps;
    private readonly IReadOnlyList<float> _timestepList;
    private readonly IReadOnlyList<float> _sigmaList;
    private float[]?[] _history;
    private float[]?[] _scratch;
    private int _pushed;
    private int _nextCall = -1;
    private int _length;

    /// <summary>Initializes the scheduler.</summary>
    /// <param name="steps">The number of steps of the run.</param>
    /// <param name="timesteps">The timestep of each call.</param>
    /// <param name="sigmas">The noise levels; empty if there are none.</param>
    /// <param name="historyDepth">The number of earlier outputs that the algorithm uses.</param>
    /// <param name="scratchCount">The number of scratch buffers that it needs.</param>
    protected TableScheduler(int steps, float[] timesteps, float[] sigmas, int historyDepth = 0, int scratchCount = 0)
    {
        Steps = steps;
        _timesteps = timesteps;
        _timestepList = Array.AsReadOnly(timesteps);
        _sigmaList = Array.AsReadOnly(sigmas);
        _history = new float[]?[historyDepth];
        _scratch = new float[]?[scratchCount];
    }

    /// <inheritdoc/>
    public sealed override int Steps { get; }

    /// <inheritdoc/>
    public sealed override IReadOnlyList<float> Timesteps => _timestepList;

    /// <inheritdoc/>
    public sealed override IReadOnlyList<float> Sigmas => _sigmaList;

    /// <summary>The number of calls of this run before the current one.</summary>
    protected int CallsMade { get; private set; }

    protected int HistoryCount => Math.Min(_pushed, _history.Length);

    /// <inheritdoc/>
    public sealed override void Step(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        ArgumentNullException.ThrowIfNull(noise);
        ArgumentOutOfRangeException.ThrowIfNegative(call);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(call, _timesteps.Length);
        if (_nextCall < 0)
            _length = sample.Length;
        else if (call != _nextCall)
            throw new ArgumentOutOfRangeException(nameof(call), call, $"Calls are made in order; call {_nextCall} is next.");

        if (sample.Length != _length || modelOutput.Length != _length)
            throw new ArgumentException($"The run's sample has {_length} values; got a sample of {sample.Length} and a model output of {modelOutput.Length}.", nameof(sample));

        Advance(modelOutput, call, sample, noise);
        CallsMade++;
        _nextCall = call + 1;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Its buffers are all that an algorithm may change during a run: whatever else depends on the earlier calls has to follow from
    /// these and from <see cref="CallsMade"/>.
    /// </remarks>
    public sealed override void Transfer(StateTransfer state, int length, int firstCall, int nextCall)
    {
        (_length, _nextCall, CallsMade) = (length, nextCall, nextCall - firstCall);
        state.Count("pushed", ref _pushed, CallsMade);
        for (int slot = 0; slot < _history.Length; slot++)
            state.Values($"history.{slot}", ref _history[slot], length, isRequired: slot < HistoryCount);
        for (int index = 0; index < _scratch.Length; index++)
            state.Values($"scratch.{index}", ref _scratch[index], length, isRequired: false);
    }

    /// <inheritdoc/>
    public sealed override Scheduler Clone()
    {
        TableScheduler copy = (TableScheduler)MemberwiseClone();
        copy._history = Array.ConvertAll(_history, static values => (float[]?)values?.Clone());
        copy._scratch = Array.ConvertAll(_scratch, static values => (float[]?)values?.Clone());
        return copy;
    }

    /// <summary>The step of the algorithm, with checked arguments; see <see cref="Step"/>.</summary>
    protected abstract void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise);

    /// <summary>Adds an output to the history, in place of the oldest one if it is full.</summary>
    /// <returns>The buffer for the caller to fill.</returns>
    protected Span<float> PushHistory()
    {
        int slot = _pushed++ % _history.Length;
        return _history[slot] ??= new float[_length];
    }

    /// <summary>An output of the history.</summary>
    /// <param name="back">0 for the newest one, 1 for the one before it.</param>
    protected ReadOnlySpan<float> History(int back) => _history[(_pushed - 1 - back) % _history.Length];

    /// <summary>A scratch buffer, which keeps its values from call to call.</summary>
    /// <param name="index">The index of the buffer.</param>
    protected Span<float> Scratch(int index) => _scratch[index] ??= new float[_length];

    /// <summary>Fills a scratch buffer with noise.</summary>
    protected ReadOnlySpan<float> Draw(INoiseSource source, int scratch, double sigma, double sigmaNext)
    {
        Span<float> values = Scratch(scratch);
        source.Fill(values, (float)sigma, (float)sigmaNext);
        return values;
    }

    protected static float[] ToSingle(double[] values) => Array.ConvertAll(values, static value => (float)value);
}

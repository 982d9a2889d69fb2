using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// A scheduler whose calls are settled when it is made. It checks the order of the calls and keeps the buffers of the
/// run, so that an algorithm itself is just its tables and its step.
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

    /// <summary>Makes the scheduler.</summary>
    /// <param name="steps">How many steps the run has.</param>
    /// <param name="timesteps">The timestep of each call.</param>
    /// <param name="sigmas">The noise levels, or none.</param>
    /// <param name="historyDepth">How many spans of past calls the algorithm looks back at.</param>
    /// <param name="scratchCount">How many further spans it works with.</param>
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

    /// <summary>How many calls of this run were made before the one at hand.</summary>
    protected int CallsMade { get; private set; }

    /// <summary>How many spans the history holds.</summary>
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
    public sealed override Scheduler Clone()
    {
        TableScheduler copy = (TableScheduler)MemberwiseClone();
        copy._history = Array.ConvertAll(_history, static values => (float[]?)values?.Clone());
        copy._scratch = Array.ConvertAll(_scratch, static values => (float[]?)values?.Clone());
        return copy;
    }

    /// <summary>The algorithm's step, with checked arguments; see <see cref="Step"/>.</summary>
    protected abstract void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise);

    /// <summary>Makes room for a new span in the history; the oldest gives way.</summary>
    /// <returns>The new span, for the caller to fill.</returns>
    protected Span<float> PushHistory()
    {
        int slot = _pushed++ % _history.Length;
        return _history[slot] ??= new float[_length];
    }

    /// <summary>A span of the history.</summary>
    /// <param name="back">0 for the newest, 1 for the one before it.</param>
    protected ReadOnlySpan<float> History(int back) => _history[(_pushed - 1 - back) % _history.Length];

    /// <summary>A span to work with, or to keep from call to call.</summary>
    /// <param name="index">Which one.</param>
    protected Span<float> Scratch(int index) => _scratch[index] ??= new float[_length];

    /// <summary>Draws a scratch span of noise.</summary>
    protected ReadOnlySpan<float> Draw(INoiseSource source, int scratch, double sigma, double sigmaNext)
    {
        Span<float> values = Scratch(scratch);
        source.Fill(values, (float)sigma, (float)sigmaNext);
        return values;
    }

    /// <summary>Rounds a table to float32.</summary>
    protected static float[] ToSingle(double[] values) => Array.ConvertAll(values, static value => (float)value);
}

using System.Numerics;
using StableDiffusion.Tensors;

namespace StableDiffusion.Noise;

/// <summary>
/// The noise of one path of Brownian motion over sigma, for the stochastic samplers of k-diffusion: the noise of a step is the
/// increment of the path over the step, scaled to unit variance. The same seed gives the same path for any number of steps,
/// so that images with different numbers of steps resemble each other.
/// </summary>
/// <remarks>
/// The path is that of torchsde's <c>BrownianTree</c> (Li et al., "Scalable Gradients for Stochastic Differential
/// Equations", arXiv:2001.01328): the range is halved repeatedly, to a resolution of 1e-6. The path at the midpoint of a node
/// is a Brownian bridge between its ends, with noise from a generator of the node, seeded by NumPy's <c>SeedSequence</c>.
/// k-diffusion's <c>BrownianTreeNoiseSampler</c> defines the sign and the scale. The values do not depend on the order of the
/// calls.
/// </remarks>
internal sealed class BrownianTreeNoise : INoiseSource
{
    private const int PoolSize = 24;
    private const double Resolution = 1e6;

    /// <summary>The number of nodes kept per depth: those on the paths to the two ends of a step.</summary>
    private const int Ways = 2;

    private readonly long _seed;
    private readonly double _start;
    private readonly double _end;
    private readonly TorchRandom? _torch;
    private readonly List<Node[]> _nodes = [];
    private float[]? _whole;
    private long _clock;

    /// <summary>Creates the path.</summary>
    /// <param name="seed">The seed of the image, 0 or more.</param>
    /// <param name="sigmaMin">The smallest sigma above 0 of the run.</param>
    /// <param name="sigmaMax">The largest sigma of the run.</param>
    /// <param name="isCuda">Whether each node draws as <c>torch.randn</c> does on a CUDA device, rather than on the CPU.</param>
    public BrownianTreeNoise(long seed, float sigmaMin, float sigmaMax, bool isCuda = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(seed);
        ArgumentOutOfRangeException.ThrowIfNegative(sigmaMin);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sigmaMin, sigmaMax);
        _seed = seed;
        (_start, _end) = (Round(sigmaMin), Round(sigmaMax));
        _torch = isCuda ? null : new TorchRandom(seed);
    }

    private BrownianTreeNoise(BrownianTreeNoise source)
    {
        (_seed, _start, _end) = (source._seed, source._start, source._end);
        _torch = source._torch is null ? null : new TorchRandom(source._seed);
    }

    /// <summary>Fills a span with the increment of the path over a step, divided by the square root of the step's length.</summary>
    /// <param name="destination">The values to fill; the same number in each call.</param>
    /// <param name="sigma">The sigma that the step starts from; it is clamped to the range.</param>
    /// <param name="sigmaNext">The sigma that the step ends at.</param>
    /// <exception cref="ArgumentException">Earlier calls filled spans of another length.</exception>
    public void Fill(Span<float> destination, float sigma, float sigmaNext)
    {
        if (_whole is not null && _whole.Length != destination.Length)
            throw new ArgumentException($"The path has {_whole.Length} values, not {destination.Length}.", nameof(destination));

        destination.Clear();
        double from = Round(Math.Clamp(Math.Min(sigma, sigmaNext), _start, _end));
        double to = Round(Math.Clamp(Math.Max(sigma, sigmaNext), _start, _end));
        if (from == to)
            return;

        AddIncrement(destination, from, to);
        float length = MathF.Sqrt(MathF.Abs(sigmaNext - sigma));
        TensorPrimitives.Divide(destination, sigma < sigmaNext ? length : -length, destination);
    }

    /// <inheritdoc/>
    /// <remarks>There is nothing to carry: the path follows from the seed, and its nodes are only kept to save time.</remarks>
    public void Transfer(StateTransfer state)
    {
    }

    /// <summary>Returns another source of the same path.</summary>
    /// <returns>The copy.</returns>
    public BrownianTreeNoise Clone() => new(this);

    INoiseSource INoiseSource.Clone() => Clone();

    private void AddIncrement(Span<float> sum, double from, double to)
    {
        _whole ??= DrawWhole(sum.Length);
        Interval interval = new(_start, _end, Depth: 0, Key: 0, _whole);
        while (from > interval.Start || to < interval.End)
        {
            Node node = Split(interval);
            if (to <= node.Middle)
            {
                interval = interval.Left(node);
            }
            else if (from >= node.Middle)
            {
                interval = interval.Right(node);
            }
            else
            {
                // The upper end first: it was the lower end of the last step, whose nodes are still cached.
                AddBelow(sum, interval.Right(node), to);
                AddAbove(sum, interval.Left(node), from);
                return;
            }
        }

        TensorPrimitives.Add(sum, interval.Increment, sum);
    }

    /// <summary>Adds the increment from the start of the interval to a point within it.</summary>
    private void AddBelow(Span<float> sum, Interval interval, double point)
    {
        while (point < interval.End)
        {
            Node node = Split(interval);
            if (point < node.Middle)
            {
                interval = interval.Left(node);
                continue;
            }

            TensorPrimitives.Add(sum, node.Left, sum);
            if (point == node.Middle)
                return;
            interval = interval.Right(node);
        }

        TensorPrimitives.Add(sum, interval.Increment, sum);
    }

    /// <summary>Adds the increment from a point within the interval to its end.</summary>
    private void AddAbove(Span<float> sum, Interval interval, double point)
    {
        while (point > interval.Start)
        {
            Node node = Split(interval);
            if (point > node.Middle)
            {
                interval = interval.Right(node);
                continue;
            }

            TensorPrimitives.Add(sum, node.Right, sum);
            if (point == node.Middle)
                return;
            interval = interval.Left(node);
        }

        TensorPrimitives.Add(sum, interval.Increment, sum);
    }

    /// <summary>Returns the halves of an interval from the cache, or computes them in place of the least recently used ones.</summary>
    private Node Split(Interval interval)
    {
        if (interval.Depth == _nodes.Count)
            _nodes.Add([new Node(interval.Increment.Length), new Node(interval.Increment.Length)]);

        Node[] kept = _nodes[interval.Depth];
        Node node = kept[0];
        for (int way = 0; way < Ways; way++)
        {
            if (kept[way].Key == interval.Key)
            {
                node = kept[way];
                break;
            }

            if (kept[way].LastUse < node.LastUse)
                node = kept[way];
        }

        node.LastUse = ++_clock;
        if (node.Key != interval.Key)
            Compute(interval, node);
        return node;
    }

    private void Compute(Interval interval, Node node)
    {
        node.Key = interval.Key;
        node.Middle = Round(0.5 * (interval.End + interval.Start));
        double left = node.Middle - interval.Start;
        double right = interval.End - node.Middle;
        double reciprocal = 1 / (interval.End - interval.Start);

        Draw(SeedSequence.FirstWord((ulong)_seed, [interval.Key, (uint)interval.Depth], PoolSize), node.Left);
        Bridge(interval.Increment, (float)left, (float)reciprocal, (float)Math.Sqrt(left * right * reciprocal), node.Left, node.Right);
    }

    /// <summary>Divides an increment into two parts by a Brownian bridge: each gets its share, and the noise with opposite signs.</summary>
    /// <param name="increment">The increment.</param>
    /// <param name="length">The length of the left part.</param>
    /// <param name="reciprocal">1 / (length of both parts).</param>
    /// <param name="deviation">The standard deviation of the noise.</param>
    /// <param name="left">Contains standard normal values; receives the left part.</param>
    /// <param name="right">Receives the right part.</param>
    private static void Bridge(ReadOnlySpan<float> increment, float length, float reciprocal, float deviation, Span<float> left, Span<float> right)
    {
        int i = 0;
        for (; i <= increment.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> whole = new(increment[i..]);
            Vector<float> part = (new Vector<float>(left[i..]) * deviation) + (whole * length * reciprocal);
            part.CopyTo(left[i..]);
            (whole - part).CopyTo(right[i..]);
        }

        for (; i < increment.Length; i++)
        {
            left[i] = (left[i] * deviation) + (increment[i] * length * reciprocal);
            right[i] = increment[i] - left[i];
        }
    }

    private float[] DrawWhole(int length)
    {
        float[] whole = new float[length];
        Draw(SeedSequence.FirstWord((ulong)_seed, [], PoolSize), whole);
        TensorPrimitives.Multiply(whole, (float)Math.Sqrt(_end - _start), whole);
        return whole;
    }

    private void Draw(uint seed, Span<float> values)
    {
        if (_torch is null)
        {
            new PhiloxRandom((ulong)seed).Normal(values);
            return;
        }

        _torch.Reseed(seed);
        _torch.Normal(values);
    }

    /// <summary>Python's <c>round</c> to six places, which is exact for the given double, ties included.</summary>
    private static double Round(double value)
    {
        double product = value * Resolution;
        double lost = Math.FusedMultiplyAdd(value, Resolution, -product);
        double whole = Math.Floor(product);
        double rest = product - whole;
        if (rest == 0.5 && lost == 0)
            whole = Math.Round(product, MidpointRounding.ToEven);
        else if (rest > 0.5 || (rest == 0.5 && lost > 0))
            whole++;
        return whole / Resolution;
    }

    /// <summary>A part of the range, with the increment of the path over it.</summary>
    /// <param name="Start">The lower end.</param>
    /// <param name="End">The upper end.</param>
    /// <param name="Depth">The number of times that the range was halved.</param>
    /// <param name="Key">The index of the part at this depth.</param>
    /// <param name="Increment">The increment.</param>
    private readonly record struct Interval(double Start, double End, int Depth, uint Key, float[] Increment)
    {
        public Interval Left(Node node) => new(Start, node.Middle, Depth + 1, 2 * Key, node.Left);

        public Interval Right(Node node) => new(node.Middle, End, Depth + 1, (2 * Key) + 1, node.Right);
    }

    /// <summary>The increments over the two halves of an interval.</summary>
    private sealed class Node(int length)
    {
        public uint? Key { get; set; }

        public double Middle { get; set; }

        public float[] Left { get; } = new float[length];

        public float[] Right { get; } = new float[length];

        public long LastUse { get; set; }
    }
}

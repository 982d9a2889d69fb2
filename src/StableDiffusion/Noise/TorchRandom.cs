using System.Runtime.InteropServices;
using StableDiffusion.Tensors;

namespace StableDiffusion.Noise;

/// <summary>
/// The normal values of <c>torch.randn</c> in float32 on the CPU, so that a seed gives the same image as in tools built on
/// PyTorch. Follows ATen's <c>DistributionTemplates.h</c> and <c>DistributionsHelper.h</c>.
/// </summary>
/// <remarks>
/// The values depend on how many are drawn at once: sixteen or more are drawn in blocks of float32 Box-Muller pairs, fewer
/// from pairs in double precision, of which the second value is kept for the next draw. Blocks have the bits that torch has
/// on x64, on every machine; torch's own values differ by up to 2e-6 on other machines, and pairs may differ too.
/// </remarks>
internal sealed class TorchRandom : INoiseSource
{
    private const int Block = BoxMuller.Block;

    private readonly MersenneTwister _bits;
    private double? _kept;

    /// <summary>Seeds the generator with the low 32 bits, as <c>torch.manual_seed</c> does for the CPU.</summary>
    /// <param name="seed">The seed; any value.</param>
    public TorchRandom(long seed)
        : this(unchecked((ulong)seed))
    {
    }

    /// <summary>Seeds the generator with the low 32 bits, as <c>torch.manual_seed</c> does for the CPU.</summary>
    /// <param name="seed">The seed; any value.</param>
    public TorchRandom(ulong seed)
    {
        _bits = new MersenneTwister(unchecked((uint)seed));
    }

    private TorchRandom(TorchRandom source)
    {
        _bits = source._bits.Clone();
        _kept = source._kept;
    }

    /// <summary>Draws the values that one call of <c>torch.randn</c> returns.</summary>
    /// <param name="destination">Receives the values in row-major order.</param>
    public void Normal(Span<float> destination)
    {
        if (destination.Length < Block)
        {
            foreach (ref float value in destination)
                value = (float)NextDouble();
            return;
        }

        int whole = destination.Length - (destination.Length % Block);
        FillBits(destination);
        BoxMuller.Transform(destination[..whole]);
        if (whole == destination.Length)
            return;

        // torch draws again for the last sixteen values, which overlap the block before.
        Span<float> last = destination[^Block..];
        FillBits(last);
        BoxMuller.Transform(last);
    }

    /// <inheritdoc/>
    public void Fill(Span<float> destination, float sigma, float sigmaNext) => Normal(destination);

    /// <inheritdoc/>
    public void Transfer(StateTransfer state)
    {
        state.Bits("words", _bits.Words);
        state.Count("position", ref _bits.Position, MersenneTwister.Length);
        state.Number("kept", ref _kept);
    }

    /// <summary>Restarts the generator with a new seed, without new memory.</summary>
    /// <param name="seed">The seed.</param>
    internal void Reseed(uint seed)
    {
        _bits.Seed(seed);
        _kept = null;
    }

    /// <summary>Returns an independent copy with the same state.</summary>
    /// <returns>The copy.</returns>
    public TorchRandom Clone() => new(this);

    INoiseSource INoiseSource.Clone() => Clone();

    private void FillBits(Span<float> destination) => _bits.Fill(MemoryMarshal.Cast<float, uint>(destination));

    private double NextDouble()
    {
        if (_kept is double kept)
        {
            _kept = null;
            return kept;
        }

        double angle = 2 * Math.PI * NextUniform();
        double radius = Math.Sqrt(-2 * Math.Log(1 - NextUniform()));
        (double sine, double cosine) = Math.SinCos(angle);
        _kept = radius * sine;
        return radius * cosine;
    }

    private double NextUniform()
    {
        const double Unit = 1.0 / (1L << 53);
        ulong high = _bits.Next();
        return (((high << 32) | _bits.Next()) & ((1UL << 53) - 1)) * Unit;
    }
}

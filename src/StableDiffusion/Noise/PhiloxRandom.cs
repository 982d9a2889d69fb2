using StableDiffusion.Tensors;

namespace StableDiffusion.Noise;

/// <summary>
/// The normal values of <c>torch.randn</c> on a CUDA device, computed on any machine: counter-based Philox4x32-10
/// (Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011) and the Box-Muller transform of
/// cuRAND. The conventions are those of A1111's <c>rng_philox.py</c>.
/// </summary>
/// <remarks>Valid for tensors for which CUDA computes one value per thread, which includes latents of usual sizes.</remarks>
internal sealed class PhiloxRandom : INoiseSource
{
    private const int Rounds = 10;
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;

    // cuRAND's constants are float32: 2^-32, and 2^-32 times two pi.
    private const double Unit = 2.3283064e-10f;
    private const double AngleUnit = 2.3283064e-10f * 6.2831855f;

    private readonly ulong _seed;
    private uint _draw;

    /// <summary>Seeds the generator.</summary>
    /// <param name="seed">The seed; all 64 bits are used.</param>
    public PhiloxRandom(long seed)
        : this(unchecked((ulong)seed))
    {
    }

    /// <summary>Seeds the generator.</summary>
    /// <param name="seed">The seed; all 64 bits are used.</param>
    public PhiloxRandom(ulong seed)
    {
        _seed = seed;
    }

    /// <summary>Draws the values that one call of <c>torch.randn</c> on CUDA returns.</summary>
    /// <param name="destination">Receives the values in row-major order.</param>
    public void Normal(Span<float> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            (uint first, uint second) = Bits((uint)i);
            double uniform = (first * Unit) + (Unit / 2);
            double angle = (second * AngleUnit) + (AngleUnit / 2);
            destination[i] = (float)(Math.Sqrt(-2 * Math.Log(uniform)) * Math.Sin(angle));
        }

        _draw++;
    }

    /// <inheritdoc/>
    public void Fill(Span<float> destination, float sigma, float sigmaNext) => Normal(destination);

    /// <inheritdoc/>
    public void Transfer(StateTransfer state) => state.Bits("draw", new Span<uint>(ref _draw));

    /// <summary>Returns an independent copy with the same state.</summary>
    /// <returns>The copy.</returns>
    public PhiloxRandom Clone() => new(_seed) { _draw = _draw };

    INoiseSource INoiseSource.Clone() => Clone();

    /// <summary>The first two of the four words of Philox for the counter (draw, 0, index, 0).</summary>
    private (uint First, uint Second) Bits(uint index)
    {
        (uint c0, uint c1, uint c2, uint c3) = (_draw, 0u, index, 0u);
        (uint key0, uint key1) = ((uint)_seed, (uint)(_seed >> 32));
        for (int round = 0; round < Rounds; round++)
        {
            ulong product0 = (ulong)Multiplier0 * c0;
            ulong product1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(product1 >> 32) ^ c1 ^ key0, (uint)product1, (uint)(product0 >> 32) ^ c3 ^ key1, (uint)product0);
            key0 += Weyl0;
            key1 += Weyl1;
        }

        return (c0, c1);
    }
}

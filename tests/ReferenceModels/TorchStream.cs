using System.Runtime.InteropServices;
using StableDiffusion.Noise;

namespace StableDiffusion.ReferenceModels;

/// <summary>The numbers that PyTorch's generator of the CPU gives for a seed, from any place on.</summary>
/// <param name="seed">The seed.</param>
internal sealed class TorchStream(uint seed)
{
    private const uint UniformMask = 0xFFFFFF;
    private const float UniformUnit = 1f / (1 << 24);

    private readonly MersenneTwister _bits = new(seed);
    private readonly uint[] _passedOver = new uint[1 << 16];
    private long _position;

    /// <summary>Goes to a place in the stream.</summary>
    /// <param name="offset">How many numbers come before it.</param>
    public void MoveTo(long offset)
    {
        if (offset < _position)
        {
            _bits.Seed(seed);
            _position = 0;
        }

        while (_position < offset)
            Fill(_passedOver.AsSpan(0, (int)Math.Min(offset - _position, _passedOver.Length)));
    }

    /// <summary>Draws as <c>torch.Tensor.normal_</c> does with a mean of 0.</summary>
    /// <param name="values">Receives the numbers: a multiple of sixteen.</param>
    /// <param name="deviation">The standard deviation.</param>
    public void Normal(Span<float> values, float deviation)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length % BoxMuller.Block, 0);
        Fill(MemoryMarshal.Cast<float, uint>(values));
        BoxMuller.Transform(values);
        foreach (ref float value in values)
            value *= deviation;
    }

    /// <summary>Draws as <c>torch.Tensor.uniform_</c> does between a bound's negative and itself.</summary>
    /// <param name="values">Receives the numbers.</param>
    /// <param name="bound">The bound.</param>
    public void Uniform(Span<float> values, float bound)
    {
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(values);
        Fill(bits);
        for (int i = 0; i < values.Length; i++)
            values[i] = MathF.FusedMultiplyAdd((bits[i] & UniformMask) * UniformUnit, bound + bound, -bound);
    }

    private void Fill(Span<uint> bits)
    {
        _bits.Fill(bits);
        _position += bits.Length;
    }
}

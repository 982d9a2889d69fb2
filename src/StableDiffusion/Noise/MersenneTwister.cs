using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace StableDiffusion.Noise;

/// <summary>
/// MT19937, the 32-bit Mersenne Twister (Matsumoto and Nishimura, "Mersenne Twister: A 623-dimensionally
/// equidistributed uniform pseudo-random number generator", ACM TOMACS 8(1), 1998).
/// </summary>
internal sealed class MersenneTwister
{
    /// <summary>The number of words of its state.</summary>
    public const int Length = 624;

    private const int Middle = 397;
    private const uint UpperMask = 0x80000000;
    private const uint LowerMask = 0x7FFFFFFF;
    private const uint TwistMask = 0x9908B0DF;
    private const uint TemperMask7 = 0x9D2C5680;
    private const uint TemperMask15 = 0xEFC60000;

    private readonly uint[] _state;
    private int _position;

    /// <summary>Initializes the generator as the paper's <c>init_genrand</c> does.</summary>
    /// <param name="seed">The seed.</param>
    public MersenneTwister(uint seed)
    {
        _state = new uint[Length];
        Seed(seed);
    }

    private MersenneTwister(MersenneTwister source)
    {
        _state = (uint[])source._state.Clone();
        _position = source._position;
    }

    /// <summary>Its state. Any words are a valid state.</summary>
    public Span<uint> Words => _state;

    /// <summary>The number of words that are used up, 0 to <see cref="Length"/>; then all are replaced.</summary>
    public ref int Position => ref _position;

    /// <summary>Restarts the generator with a new seed.</summary>
    /// <param name="seed">The seed.</param>
    public void Seed(uint seed)
    {
        _state[0] = seed;
        for (uint i = 1; i < Length; i++)
            _state[i] = (1812433253u * (_state[i - 1] ^ (_state[i - 1] >> 30))) + i;

        _position = Length;
    }

    /// <summary>Returns the next 32 random bits.</summary>
    /// <returns>The bits.</returns>
    public uint Next()
    {
        if (_position == Length)
            Refill();

        return Temper(_state[_position++]);
    }

    /// <summary>Fills a span with random bits, as repeated calls of <see cref="Next"/> do.</summary>
    /// <param name="destination">Receives 32 random bits in each element.</param>
    public void Fill(Span<uint> destination)
    {
        while (!destination.IsEmpty)
        {
            if (_position == Length)
                Refill();

            int count = Math.Min(Length - _position, destination.Length);
            Temper(_state.AsSpan(_position, count), destination);
            destination = destination[count..];
            _position += count;
        }
    }

    /// <summary>Returns an independent copy with the same state.</summary>
    /// <returns>The copy.</returns>
    public MersenneTwister Clone() => new(this);

    private static void Temper(ReadOnlySpan<uint> words, Span<uint> destination)
    {
        ref uint source = ref MemoryMarshal.GetReference(words);
        ref uint target = ref MemoryMarshal.GetReference(destination);
        int i = 0;
        for (; i <= words.Length - Vector256<uint>.Count; i += Vector256<uint>.Count)
        {
            Vector256<uint> bits = Vector256.LoadUnsafe(ref source, (uint)i);
            bits ^= bits >>> 11;
            bits ^= (bits << 7) & Vector256.Create(TemperMask7);
            bits ^= (bits << 15) & Vector256.Create(TemperMask15);
            (bits ^ (bits >>> 18)).StoreUnsafe(ref target, (uint)i);
        }

        for (; i < words.Length; i++)
            destination[i] = Temper(words[i]);
    }

    private static uint Temper(uint bits)
    {
        bits ^= bits >> 11;
        bits ^= (bits << 7) & TemperMask7;
        bits ^= (bits << 15) & TemperMask15;
        return bits ^ (bits >> 18);
    }

    private void Refill()
    {
        Twist(0, Length - Middle, Middle);
        Twist(Length - Middle, Length - 1, Middle - Length);
        _state[Length - 1] = _state[Middle - 1] ^ Mix(_state[Length - 1], _state[0]);
        _position = 0;
    }

    /// <summary>Updates words of the state from themselves, their right neighbors, and words at a distance.</summary>
    private void Twist(int start, int end, int distance)
    {
        // The distance is longer than a vector, so no word is read after its update within one vector.
        ref uint state = ref MemoryMarshal.GetArrayDataReference(_state);
        int i = start;
        for (; i <= end - Vector256<uint>.Count; i += Vector256<uint>.Count)
        {
            ref uint word = ref Unsafe.Add(ref state, i);
            Vector256<uint> low = Vector256.LoadUnsafe(ref word, 1);
            Vector256<uint> joined = (Vector256.LoadUnsafe(ref word) & Vector256.Create(UpperMask)) | (low & Vector256.Create(LowerMask));
            Vector256<uint> twist = (Vector256<uint>.Zero - (low & Vector256<uint>.One)) & Vector256.Create(TwistMask);
            (Vector256.LoadUnsafe(ref Unsafe.Add(ref word, distance)) ^ (joined >>> 1) ^ twist).StoreUnsafe(ref word);
        }

        for (; i < end; i++)
            _state[i] = _state[i + distance] ^ Mix(_state[i], _state[i + 1]);
    }

    private static uint Mix(uint high, uint low)
    {
        uint joined = (high & UpperMask) | (low & LowerMask);
        return (joined >> 1) ^ (TwistMask & (0 - (joined & 1)));
    }
}

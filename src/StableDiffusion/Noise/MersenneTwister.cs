namespace StableDiffusion.Noise;

/// <summary>
/// MT19937, the 32-bit Mersenne Twister (Matsumoto and Nishimura, "Mersenne Twister: A 623-dimensionally
/// equidistributed uniform pseudo-random number generator", ACM TOMACS 8(1), 1998).
/// </summary>
internal sealed class MersenneTwister
{
    private const int Length = 624;
    private const int Middle = 397;
    private const uint UpperMask = 0x80000000;
    private const uint LowerMask = 0x7FFFFFFF;
    private const uint Twist = 0x9908B0DF;

    private readonly uint[] _state;
    private int _position;

    /// <summary>Seeds the generator as the paper's <c>init_genrand</c> does.</summary>
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

    /// <summary>Starts anew, as a new generator would.</summary>
    /// <param name="seed">The seed.</param>
    public void Seed(uint seed)
    {
        _state[0] = seed;
        for (uint i = 1; i < Length; i++)
            _state[i] = (1812433253u * (_state[i - 1] ^ (_state[i - 1] >> 30))) + i;

        _position = Length;
    }

    /// <summary>The next 32 random bits.</summary>
    /// <returns>The bits.</returns>
    public uint Next()
    {
        if (_position == Length)
            Refill();

        uint bits = _state[_position++];
        bits ^= bits >> 11;
        bits ^= (bits << 7) & 0x9D2C5680;
        bits ^= (bits << 15) & 0xEFC60000;
        return bits ^ (bits >> 18);
    }

    /// <summary>A generator that goes on from the same state, apart from this one.</summary>
    /// <returns>The copy.</returns>
    public MersenneTwister Clone() => new(this);

    private void Refill()
    {
        Span<uint> state = _state;
        int i = 0;
        for (; i < Length - Middle; i++)
            state[i] = state[i + Middle] ^ Mix(state[i], state[i + 1]);
        for (; i < Length - 1; i++)
            state[i] = state[i + Middle - Length] ^ Mix(state[i], state[i + 1]);

        state[Length - 1] = state[Middle - 1] ^ Mix(state[Length - 1], state[0]);
        _position = 0;

        static uint Mix(uint high, uint low)
        {
            uint joined = (high & UpperMask) | (low & LowerMask);
            return (joined >> 1) ^ (Twist & (0 - (joined & 1)));
        }
    }
}

using System.Runtime.InteropServices;
using System.Text.Json;
using StableDiffusion.Noise;

namespace StableDiffusion.Tests.Noise;

public sealed class RandomTests
{
    private const double Tolerance = 2e-6;

    public static TheoryData<int> TorchCases() => Cases("torch-cpu");

    public static TheoryData<int> PhiloxCases() => Cases("philox");

    [Theory]
    [MemberData(nameof(TorchCases))]
    public void TorchRandom_gives_the_values_of_torch_on_the_CPU(int index)
    {
        JsonElement reference = Reference(index);
        TorchRandom random = new(reference.GetProperty("seed").GetInt64());
        Check(reference, random.Normal);
    }

    [Theory]
    [MemberData(nameof(TorchCases))]
    public void Blocks_have_the_bits_of_torch_on_x64(int index)
    {
        JsonElement reference = Reference(index);
        float[] values = new float[Count(reference)];
        if (values.Length < BoxMuller.Block)
            return;

        new TorchRandom(reference.GetProperty("seed").GetInt64()).Normal(values);
        Assert.Equal(Floats(reference, "first"), values[..BoxMuller.Block]);
        double sum = 0;
        foreach (float value in values)
            sum += value;
        Assert.Equal(reference.GetProperty("sum").GetDouble(), sum);
    }

    [Fact]
    public void Bits_of_the_twister_are_those_of_its_paper()
    {
        // What the standard library of C++ demands of std::mt19937: the ten thousandth number.
        uint[] bits = new uint[10_000];
        new MersenneTwister(5489).Fill(bits);
        Assert.Equal(4123659995u, bits[^1]);
    }

    [Fact]
    public void Bits_are_the_same_one_by_one_and_in_spans_of_any_length()
    {
        MersenneTwister single = new(3);
        MersenneTwister several = new(3);
        for (int length = 0; length < 100; length++)
        {
            uint[] bits = new uint[length];
            several.Fill(bits);
            Assert.All(bits, number => Assert.Equal(single.Next(), number));
        }
    }

    [Fact]
    public void Blocks_are_normal_values_at_both_ends_of_the_range()
    {
        // Random bits of 0 and of 2^24 - 1: a radius of 0 and the greatest one, at angles of 0 and of almost a whole turn.
        uint[] bits = new uint[2 * BoxMuller.Block];
        bits.AsSpan(BoxMuller.Block).Fill(0xABFFFFFF);
        float[] values = MemoryMarshal.Cast<uint, float>(bits).ToArray();
        BoxMuller.Transform(values);

        double radius = Math.Sqrt(-2 * Math.Log(Math.Pow(2, -24)));
        Assert.All(values[..16], value => Assert.Equal(0, value));
        Assert.All(values[16..24], value => Assert.Equal(radius, value, 2e-6));
        Assert.All(values[24..], value => Assert.Equal(radius * Math.Sin(-2 * Math.PI * Math.Pow(2, -24)), value, 2e-6));
    }

    [Theory]
    [MemberData(nameof(PhiloxCases))]
    public void PhiloxRandom_gives_the_values_of_torch_on_CUDA(int index)
    {
        JsonElement reference = Reference(index);
        PhiloxRandom random = new(reference.GetProperty("seed").GetInt64());
        Check(reference, random.Normal);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(1000)]
    public void A_clone_goes_on_from_the_same_state_and_apart_from_its_source(int count)
    {
        foreach (INoiseSource source in new INoiseSource[] { new TorchRandom(7), new PhiloxRandom(7) })
        {
            float[] ignored = new float[3];
            source.Fill(ignored, 1, 0);
            INoiseSource copy = source.Clone();

            float[] expected = new float[count];
            source.Fill(expected, 14, 7);
            source.Fill(ignored, 1, 0);
            float[] actual = new float[count];
            copy.Fill(actual, 1, 0);

            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void A_draw_allocates_nothing()
    {
        TorchRandom torch = new(1);
        PhiloxRandom philox = new(1);
        float[] values = new float[1001];
        torch.Normal(values);
        philox.Normal(values);

        long before = GC.GetAllocatedBytesForCurrentThread();
        torch.Normal(values);
        torch.Normal(values.AsSpan(0, 7));
        philox.Normal(values);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static void Check(JsonElement reference, NormalDraw draw)
    {
        int count = Count(reference);
        float[] values = new float[count];
        draw(values);
        double sum = 0;
        foreach (float value in values)
            sum += value;

        float[] first = Floats(reference, "first");
        float[] last = Floats(reference, "last");
        AssertClose(first, values.AsSpan(0, first.Length));
        AssertClose(last, values.AsSpan(values.Length - last.Length));
        Assert.InRange(sum - reference.GetProperty("sum").GetDouble(), -Tolerance * count, Tolerance * count);

        draw(values);
        float[] second = Floats(reference, "second_draw_first");
        AssertClose(second, values.AsSpan(0, second.Length));
    }

    private static int Count(JsonElement reference)
    {
        int count = 1;
        foreach (JsonElement axis in reference.GetProperty("shape").EnumerateArray())
            count *= axis.GetInt32();
        return count;
    }

    private static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= Tolerance, $"Value {i}: expected {expected[i]:R}, got {actual[i]:R}.");
    }

    private static float[] Floats(JsonElement reference, string name) =>
        [.. reference.GetProperty(name).EnumerateArray().Select(value => value.GetSingle())];

    private static JsonElement Reference(int index)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Repository.Data("rng.json")));
        return document.RootElement.GetProperty("cases")[index].Clone();
    }

    private static TheoryData<int> Cases(string kind)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Repository.Data("rng.json")));
        TheoryData<int> cases = [];
        int index = 0;
        foreach (JsonElement reference in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            if (reference.GetProperty("kind").GetString() == kind)
                cases.Add(index);
            index++;
        }

        return cases;
    }

    private delegate void NormalDraw(Span<float> destination);
}

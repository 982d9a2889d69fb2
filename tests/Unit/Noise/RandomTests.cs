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
        int count = 1;
        foreach (JsonElement axis in reference.GetProperty("shape").EnumerateArray())
            count *= axis.GetInt32();

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

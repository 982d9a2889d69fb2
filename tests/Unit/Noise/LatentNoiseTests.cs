using System.Text.Json;
using StableDiffusion.Noise;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Noise;

public sealed class LatentNoiseTests
{
    private const double Tolerance = 2e-6;
    private const int LatentFactor = 8;

    public static TheoryData<int> Cases() => [.. Enumerable.Range(0, Reference().GetArrayLength())];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Start_and_steps_have_the_noise_of_A1111(int index)
    {
        JsonElement reference = Reference()[index];
        double strength = reference.GetProperty("variation_strength").GetDouble();
        int resizeHeight = reference.GetProperty("resize_height").GetInt32();
        NoiseOptions options = new()
        {
            RandomSource = RandomSource.Cuda,
            VariationSeed = reference.GetProperty("variation_seed").GetInt64(),
            VariationStrength = strength,
            SeedResizeHeight = resizeHeight == 0 ? null : resizeHeight,
            SeedResizeWidth = resizeHeight == 0 ? null : reference.GetProperty("resize_width").GetInt32(),
            EtaNoiseSeedDelta = reference.GetProperty("eta_noise_seed_delta").GetInt64(),
        };
        LatentNoise noise = new(reference.GetProperty("seed").GetInt64(), options.Normalize());
        int[] shape = [.. reference.GetProperty("shape").EnumerateArray().Select(axis => axis.GetInt32())];

        Tensor start = new([1, .. shape]);
        noise.FillStart(start, LatentFactor);
        float[] step = new float[start.Length];
        noise.StepGenerator.Fill(step, 1, 0);

        AssertClose(reference.GetProperty("first"), start.Values);
        AssertClose(reference.GetProperty("next"), step.AsSpan(0, 8));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(256)]
    public void The_pictures_of_a_batch_share_one_draw(int length)
    {
        foreach (RandomSource source in Enum.GetValues<RandomSource>())
        {
            INoiseSource whole = LatentNoise.CreateGenerator(11, source);
            INoiseSource[] shares = [.. Enumerable.Range(0, 3).Select(index => new LatentNoise(11, new NoiseOptions { RandomSource = source, BatchSize = 3, BatchIndex = index }).OfBatch(LatentNoise.CreateGenerator(11, source)))];
            for (int draw = 0; draw < 3; draw++)
            {
                float[] expected = new float[3 * length];
                whole.Fill(expected, 1, 0);
                for (int index = 0; index < shares.Length; index++)
                {
                    float[] actual = new float[length];
                    shares[index].Fill(actual, 1, 0);
                    Assert.Equal(expected[(index * length)..((index + 1) * length)], actual);
                    shares[index] = shares[index].Clone();
                }
            }
        }
    }

    [Fact]
    public void A_latent_of_a_single_row_can_be_varied()
    {
        LatentNoise noise = new(1, new NoiseOptions { VariationSeed = 2, VariationStrength = 0.5 });
        Tensor start = new(1, 4, 1, 8);
        noise.FillStart(start, LatentFactor);

        (float[] left, float[] right) = (new float[32], new float[32]);
        new TorchRandom(1).Normal(left);
        new TorchRandom(2).Normal(right);
        for (int i = 0; i < left.Length; i++)
            Assert.Equal((left[i] + right[i]) / 2, start.Values[i], 1e-6f);
    }

    private static void AssertClose(JsonElement expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.GetArrayLength(), actual.Length);
        for (int i = 0; i < actual.Length; i++)
            Assert.InRange(actual[i], expected[i].GetDouble() - Tolerance, expected[i].GetDouble() + Tolerance);
    }

    private static JsonElement Reference()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Repository.Data("noise.json")));
        return document.RootElement.GetProperty("cases").Clone();
    }
}

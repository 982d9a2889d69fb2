using System.Text.Json;
using StableDiffusion.Noise;

namespace StableDiffusion.Tests.Noise;

/// <summary>Compares the noise of a Brownian path with torchsde's, and its seeds with numpy's.</summary>
public sealed class BrownianTreeTests
{
    private static readonly JsonElement s_reference = JsonDocument.Parse(File.ReadAllBytes(Repository.Data("brownian.json"))).RootElement;

    [Fact]
    public void The_seeds_of_the_nodes_are_those_of_numpy()
    {
        foreach (JsonElement seed in s_reference.GetProperty("seeds").EnumerateArray())
        {
            uint[] key = [.. seed.GetProperty("spawn_key").EnumerateArray().Select(word => word.GetUInt32())];
            Assert.Equal(seed.GetProperty("word").GetUInt32(), SeedSequence.FirstWord(seed.GetProperty("entropy").GetUInt64(), key, poolSize: 24));
        }
    }

    [Fact]
    public void The_noise_of_a_step_is_that_of_torchsde()
    {
        foreach (JsonElement reference in s_reference.GetProperty("cases").EnumerateArray())
        {
            BrownianTreeNoise noise = Create(reference);
            foreach (JsonElement step in reference.GetProperty("steps").EnumerateArray())
                AssertStep(step, noise);
        }
    }

    [Fact]
    public void The_order_of_the_steps_makes_no_difference()
    {
        foreach (JsonElement reference in s_reference.GetProperty("cases").EnumerateArray())
        {
            BrownianTreeNoise noise = Create(reference);
            foreach (JsonElement step in reference.GetProperty("steps").EnumerateArray().Reverse())
            {
                AssertStep(step, noise);
                AssertStep(step, noise.Clone());
            }
        }
    }

    [Fact]
    public void Going_back_up_a_step_gives_its_noise_with_the_other_sign()
    {
        BrownianTreeNoise noise = new(5, 0.1f, 10);
        float[] down = new float[64];
        float[] up = new float[64];
        noise.Fill(down, 7, 2);
        noise.Fill(up, 2, 7);

        Assert.Equal(down, up.Select(value => -value));
    }

    [Fact]
    public void A_step_of_no_length_has_no_noise()
    {
        float[] values = [1, 2, 3];
        new BrownianTreeNoise(5, 0.1f, 10).Fill(values, 20, 10);

        Assert.Equal([0, 0, 0], values);
    }

    [Fact]
    public void The_path_of_CUDA_draws_from_Philox()
    {
        float[] values = new float[64];
        float[] expected = new float[64];
        new BrownianTreeNoise(5, 1, 10, isCuda: true).Fill(values, 1, 10);
        new PhiloxRandom((ulong)SeedSequence.FirstWord(5, [], poolSize: 24)).Normal(expected);

        for (int i = 0; i < values.Length; i++)
            Assert.Equal(expected[i], values[i], 1e-6f);
    }

    [Fact]
    public void A_path_keeps_its_number_of_values()
    {
        BrownianTreeNoise noise = new(5, 0.1f, 10);
        noise.Fill(new float[16], 10, 1);

        Assert.Throws<ArgumentException>(() => noise.Fill(new float[8], 10, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BrownianTreeNoise(-1, 0.1f, 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BrownianTreeNoise(1, 10, 0.1f));
    }

    [Fact]
    public void After_its_first_steps_it_allocates_nothing()
    {
        BrownianTreeNoise noise = new(5, 0.03f, 14.6f);
        float[] values = new float[64];
        noise.Fill(values, 14, 9.1f);
        noise.Fill(values, 9.1f, 5.3f);
        noise.Fill(values, 5.3f, 3.7f);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (float sigma = 3.7f; sigma > 0.1f; sigma *= 0.7f)
            noise.Fill(values, sigma, sigma * 0.7f);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static BrownianTreeNoise Create(JsonElement reference) => new(
        reference.GetProperty("seed").GetInt64(),
        reference.GetProperty("sigma_min").GetSingle(),
        reference.GetProperty("sigma_max").GetSingle());

    private static void AssertStep(JsonElement step, BrownianTreeNoise noise)
    {
        float[] expected = [.. step.GetProperty("noise").EnumerateArray().Select(value => value.GetSingle())];
        float[] actual = new float[expected.Length];
        noise.Fill(actual, step.GetProperty("sigma").GetSingle(), step.GetProperty("sigma_next").GetSingle());
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-5f);
    }
}

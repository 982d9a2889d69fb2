using StableDiffusion.Denoising;
using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Denoising;

/// <summary>Latents that are merged.</summary>
public sealed class LatentMergeTests
{
    private static readonly GenerationInfo s_info = new() { Prompt = "a red house", Seed = 1, Steps = 20, Width = 16, Height = 16, Model = "demo", Tiling = "Both" };

    [Fact]
    public void The_values_are_on_the_arc_of_all_values_or_on_the_line()
    {
        Latent first = Create(1), second = Create(2);
        double product = Dot(first, second), angle = Math.Acos(product / Math.Sqrt(Dot(first, first) * Dot(second, second)));
        AssertSum(LatentMerge.Merge(first, second, 0.2), Math.Sin(0.8 * angle) / Math.Sin(angle), Math.Sin(0.2 * angle) / Math.Sin(angle));
        AssertSum(LatentMerge.Merge(first, second, 0.2, InterpolationMode.Linear), 0.8, 0.2);
        Assert.Equal(first.Tensor.Values, LatentMerge.Merge(first, second, 0).Tensor.Values);
        Assert.Equal(second.Tensor.Values, LatentMerge.Merge(first, second, 1).Tensor.Values);

        static double Dot(Latent left, Latent right) => left.Tensor.Values.Zip(right.Tensor.Values, static (l, r) => (double)l * r).Sum();

        void AssertSum(Latent merged, double ofFirst, double ofSecond)
        {
            for (int i = 0; i < merged.Tensor.Length; i++)
                Assert.Equal((ofFirst * first.Tensor.Values[i]) + (ofSecond * second.Tensor.Values[i]), merged.Tensor.Values[i], 1e-6);
        }
    }

    [Fact]
    public void The_result_has_the_settings_of_both_and_a_record_of_each()
    {
        Latent first = Create(1), second = Create(2, s_info with { Seed = 2, Tiling = null });
        Latent merged = LatentMerge.Merge(first, second, 0.25);
        Assert.Equal(("a red house", (long?)null, 20, 16, 16, "demo", (string?)null), (merged.Prompt, merged.Seed, merged.Steps, merged.Width, merged.Height, merged.Model, merged.Tiling));
        Assert.True(merged.IsComplete);
        GenerationStage stage = Assert.Single(merged.Stages!);
        Assert.Equal([("Ratio", (object)0.25)], stage.Settings.Select(static setting => (setting.Key, setting.Value)));
        Assert.Equal([first.Origin(), second.Origin()], stage.Inputs["Latent"]);
        Assert.Equal("MergeLatents 0.75 * (Denoise seed 1) + 0.25 * (Denoise seed 2)", merged.Stages!.ToString());
        Assert.Equal(merged.Tensor.Values, LatentMerge.Repeat(stage, [first, second]).Tensor.Values);

        Latent read = LatentFile.FromBytes(LatentFile.ToBytes(merged));
        Assert.Equal(merged.Tensor.Values, read.Tensor.Values);
        Assert.Equal(merged.Stages, read.Stages);

        first.Tensor.Values[0] += 1;
        Assert.False(LatentMerge.Merge(first, second, 0.5).Origin().IsKnown);
    }

    [Fact]
    public void What_does_not_belong_together_is_refused_by_name()
    {
        Latent first = Create(1);
        Refuse<InvalidSettingException>("stopped at step 3 of 20", new Latent(first.Tensor, s_info, 3, 20));
        Refuse<InvalidSettingException>("Noise was added", new Latent(first.Tensor, s_info with { Stages = first.Origin().Append(StageOperation.AddNoise, StageList.Hash<float>(first.Tensor.Span)) }));
        Refuse<ShapeMismatchException>("16x16 and 24x16", Create(2, s_info with { Width = 24 }, width: 3));
        Refuse<ShapeMismatchException>("different sizes", Create(2, channels: 3));
        Refuse<InvalidSettingException>("models: 'demo' and 'other'", Create(2, s_info with { Model = "other" }));
        Refuse<InvalidSettingException>("autoencoders: that of the model and taesd", Create(2, s_info with { Vae = "taesd" }));
        Refuse<NotFiniteException>("NaN", Broken());
        Assert.Equal("Ratio", Assert.Throws<InvalidSettingException>(() => LatentMerge.Merge(first, first, 1.01)).Setting);

        void Refuse<T>(string part, Latent second)
            where T : DiffusionException
        {
            Assert.Contains(part, Assert.Throws<T>(() => LatentMerge.Merge(first, second, 0.5)).Message, StringComparison.Ordinal);
            Assert.Throws<T>(() => LatentMerge.Merge(second, first, 0.5));
        }

        static Latent Broken()
        {
            Latent latent = Create(2);
            latent.Tensor.Values[0] = float.NaN;
            return latent;
        }
    }

    private static Latent Create(int seed, GenerationInfo? info = null, int channels = 4, int width = 2)
    {
        Random random = new(seed);
        Tensor tensor = new(1, channels, 2, width);
        foreach (ref float value in tensor.Span)
            value = (float)((random.NextDouble() * 4) - 2);
        info ??= s_info;
        return new Latent(tensor, info with { Stages = new StageList().Append(StageOperation.Denoise, StageList.Hash<float>(tensor.Span), ("Seed", info.Seed!.Value)) }, 20, 20);
    }
}

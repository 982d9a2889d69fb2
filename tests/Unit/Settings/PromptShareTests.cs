using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Merging;

namespace StableDiffusion.Tests.Settings;

/// <summary>What the record of an image tells of merged prompts and latents.</summary>
public sealed class PromptShareTests
{
    private static readonly StageList s_house = Prompt("house"), s_tree = Prompt("tree"), s_boat = Prompt("boat");

    [Fact]
    public void A_prompt_that_is_not_merged_weighs_1()
    {
        Assert.Equal([new PromptShare("house", false, 1), new PromptShare("tree", true, 1)], PromptShare.Of(Decoded(Denoised([], s_house, s_tree))));
        Assert.Empty(PromptShare.Of(new StageList(Stage(StageOperation.ReadImage))));
        Assert.Equal([new PromptShare("boat", false, 1)], PromptShare.Of(Denoised(Denoised([], s_house), s_boat)));
    }

    [Fact]
    public void Weights_are_multiplied_through_merges_of_merges_and_added_for_a_prompt_that_occurs_again()
    {
        StageList mean = MergeStage.Of(StageOperation.MergeEmbeddings, [s_house, s_tree, s_house], [1, 2, 5], "x");
        StageList nested = MergeStage.Of(StageOperation.MergeEmbeddings, mean, s_boat, 0.2, InterpolationMode.Linear, "x");
        AssertShares([("boat", false, 0.2), ("house", false, 0.6), ("tree", false, 0.2), ("boat", true, 0.9), ("tree", true, 0.1)],
            PromptShare.Of(Decoded(Denoised([], nested, MergeStage.Of(StageOperation.MergeEmbeddings, s_boat, s_tree, 0.1, InterpolationMode.Linear, "x")))));
    }

    [Fact]
    public void Prompts_of_merged_latents_have_the_weights_of_these()
    {
        StageList latents = MergeStage.Of(StageOperation.MergeLatents, Denoised([], s_house, s_tree), Denoised([], s_boat, s_tree), 0.75, InterpolationMode.Spherical, "x");
        AssertShares([("boat", false, 0.75), ("house", false, 0.25), ("tree", true, 1)], PromptShare.Of(Decoded(latents)));
        Assert.Equal([new PromptShare("house", false, 1)], PromptShare.Of(Decoded(Denoised(latents, s_house))));
    }

    [Fact]
    public void A_latent_is_merged_only_until_it_is_denoised_again()
    {
        StageList merged = MergeStage.Of(StageOperation.MergeLatents, Denoised([], s_house), Denoised([], s_boat), 0.5, InterpolationMode.Spherical, "x");
        Assert.True(merged.EndsInMergedLatent);
        Assert.True(Decoded(new StageList([.. merged, Stage(StageOperation.AddNoise), Stage(StageOperation.ResizeLatent)])).EndsInMergedLatent);
        Assert.False(Decoded(Denoised(merged, s_house)).EndsInMergedLatent);
        Assert.False(Decoded(Denoised([.. Decoded(merged), Stage(StageOperation.EncodeImage)], s_house)).EndsInMergedLatent);
        Assert.False(Decoded(Denoised([], s_house)).EndsInMergedLatent);
    }

    private static void AssertShares((string Prompt, bool IsNegative, double Weight)[] expected, IReadOnlyList<PromptShare> actual)
    {
        PromptShare[] sorted = [.. actual.OrderBy(static share => share.IsNegative).ThenBy(static share => share.Prompt, StringComparer.Ordinal)];
        Assert.Equal(expected.Select(static share => (share.Prompt, share.IsNegative)), sorted.Select(static share => (share.Prompt, share.IsNegative)));
        Assert.All(expected.Zip(sorted), static pair => Assert.Equal(pair.First.Weight, pair.Second.Weight, 1e-12));
        Assert.Equal(actual.Select(static share => share.IsNegative).Order(), actual.Select(static share => share.IsNegative));
    }

    private static StageList Prompt(string text) => new(new GenerationStage
    {
        Operation = StageOperation.EncodePrompt,
        Settings = new OrderedDictionary<string, object>(StringComparer.Ordinal) { [nameof(GenerationSettings.Prompt)] = text },
    });

    private static StageList Denoised(IEnumerable<GenerationStage> before, StageList prompt, StageList? negative = null)
    {
        OrderedDictionary<string, IReadOnlyList<StageList>> inputs = new(StringComparer.Ordinal) { ["Embedding"] = [prompt] };
        if (negative is not null)
            inputs["NegativeEmbedding"] = [negative];
        return new StageList([.. before, new GenerationStage { Operation = StageOperation.Denoise, Inputs = inputs }]);
    }

    private static StageList Decoded(StageList latent) => new([.. latent, Stage(StageOperation.Decode)]);

    private static GenerationStage Stage(string operation) => new() { Operation = operation };
}

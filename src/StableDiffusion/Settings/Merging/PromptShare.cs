namespace StableDiffusion.Settings.Merging;

/// <summary>A prompt that an image was made of, and its weight among those that were merged for it.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="IsNegative">Whether it is a negative prompt.</param>
/// <param name="Weight">Its weight, 0 to 1; 1 for a prompt that was not merged.</param>
internal sealed record PromptShare(string Prompt, bool IsNegative, double Weight)
{
    private const string NegativeInput = "NegativeEmbedding";

    /// <summary>Finds the prompts of what was made last: those of its last denoising, or of the latents that were merged.</summary>
    /// <param name="stages">Its stages.</param>
    /// <returns>Each prompt once, with the sum of its weights; the negative ones after the others.</returns>
    /// <exception cref="NotRepeatableException">The record of a merge is damaged.</exception>
    public static IReadOnlyList<PromptShare> Of(StageList stages) =>
    [
        .. OfLatent(stages, 1)
            .GroupBy(static share => (share.Prompt, share.IsNegative))
            .Select(static group => new PromptShare(group.Key.Prompt, group.Key.IsNegative, group.Sum(static share => share.Weight)))
            .OrderBy(static share => share.IsNegative),
    ];

    private static IEnumerable<PromptShare> OfLatent(StageList stages, double weight) =>
        stages.LastOrDefault(static stage => stage.Operation is StageOperation.Denoise or StageOperation.MergeLatents) switch
        {
            { Operation: StageOperation.MergeLatents } merge => Parts(merge, weight).SelectMany(static part => OfLatent(part.Input, part.Weight)),
            GenerationStage denoising => [.. OfPrompt(denoising.Input(MergeStage.InputOf(StageOperation.MergeEmbeddings)), isNegative: false, weight), .. OfPrompt(denoising.Input(NegativeInput), isNegative: true, weight)],
            null => [],
        };

    private static IEnumerable<PromptShare> OfPrompt(StageList? stages, bool isNegative, double weight) => stages?.Count > 0
        ? stages[^1] switch
        {
            { Operation: StageOperation.MergeEmbeddings } merge => Parts(merge, weight).SelectMany(part => OfPrompt(part.Input, isNegative, part.Weight)),
            { Operation: StageOperation.EncodePrompt } prompt => [new PromptShare(prompt.Text(nameof(GenerationSettings.Prompt)) ?? string.Empty, isNegative, weight)],
            _ => [],
        }
        : [];

    private static IEnumerable<(StageList Input, double Weight)> Parts(GenerationStage merge, double weight)
    {
        (double ratio, _, IReadOnlyList<double>? weights) = MergeStage.Read(merge);
        weights ??= [1 - ratio, ratio];
        double sum = weights.Sum();
        return merge.Inputs[MergeStage.InputOf(merge.Operation)].Zip(weights, (input, own) => (input, weight * own / sum));
    }
}

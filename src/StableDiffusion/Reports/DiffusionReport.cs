using System.Globalization;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Merging;
using StableDiffusion.Text;

namespace StableDiffusion.Reports;

/// <summary>
/// A page about how an image was made: its tokens, its schedule, the image at each step, where the U-Net looked at each word, the
/// channels of its latent, and the time and memory of its stages. It is a single HTML file without references to anything else.
/// </summary>
internal sealed class DiffusionReport
{
    // Longer films show some of the steps.
    private const int MostFrames = 30;
    private const int FrameSide = 256;
    private const int ImageSide = 768;
    private const int ChannelScale = 8;

    /// <summary>The image.</summary>
    public required DiffusionImage Image { get; init; }

    /// <summary>The image as it was made again from its record.</summary>
    public required DiffusionImage Again { get; init; }

    /// <summary>What the stages did meanwhile.</summary>
    public required ReportRecorder Recorder { get; init; }

    /// <summary>Decodes a latent.</summary>
    public required Func<Latent, DiffusionImage> Decode { get; init; }

    /// <summary>The script that makes the image; null if there is none.</summary>
    public string? Script { get; init; }

    /// <summary>Writes the page.</summary>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The text of the HTML file.</returns>
    /// <exception cref="DiffusionException">A latent could not be decoded.</exception>
    public string Write(CancellationToken cancellationToken = default) => ReportPage.Write(new ReportContent
    {
        Title = Image.Prompt ?? "An image without a prompt",
        Image = ReportImage.Of(Image, Image.Prompt ?? "The image", ImageSide, cancellationToken),
        Verdict = Image.Pixels.AsSpan().SequenceEqual(Again.Pixels) ? "The image was made again for this page, and has the same pixels." : "The image was made again for this page, and came out with other pixels. What follows is about the image as it was made again.",
        Remark = Image.Stages?.EndsInMergedLatent == true && Recorder.Denoisings.Count > 1 ? $"Its latent was merged from several. The steps that follow are those of the last of {Recorder.Denoisings.Count} denoisings alone." : null,
        Settings = [.. SettingTable.Rows.Where(static row => row.Name is not nameof(GenerationSettings.Prompt)).Select(row => (row.Name, Value: TextOf(row.Get(Image.Info)))).Where(static row => row.Value.Length > 0)],
        Prompts = [.. Recorder.Prompts.Select((prompt, index) => Describe(prompt, index, cancellationToken))],
        Steps = Recorder.Denoisings.Count == 0 ? [] : Describe(Recorder.Denoisings[^1], cancellationToken),
        Channels = Recorder.Latent is Latent latent ? [.. LatentChannel.Split(latent, scale: ChannelScale).Select(channel => ReportImage.Of(channel.Image, string.Create(CultureInfo.InvariantCulture, $"{channel}"), FrameSide, cancellationToken))] : [],
        Stages = Recorder.Stages,
        Script = Script,
        Made = $"Made again with {Again.Info.Stages?.Select(static stage => stage.Made).LastOrDefault(static made => made is not null)}.",
    });

    private ReportPrompt Describe(TextEmbedding prompt, int index, CancellationToken cancellationToken)
    {
        ReportMaps maps = ReportMaps.Of(index == 0 && Recorder.Latent?.Attention is not null ? Recorder.Latent.FindAttention(new AttentionQuery()) : [], Again, cancellationToken);

        // Each chunk has the mark of the start before its tokens.
        int chunkLength = ChunkLength(prompt.TokenIds);
        IEnumerable<ReportToken> tokens = prompt.WeightedTokens.GroupBy(static token => token.Chunk).SelectMany(chunk => chunk.Select((token, place) =>
            new ReportToken(token.Text, token.Id, token.Weight, maps.Images.GetValueOrDefault((chunk.Key * chunkLength) + place + 1))));
        return new ReportPrompt(NameOf(prompt, index), [.. tokens], prompt.LostText) { MissingMaps = maps.Missing };
    }

    private static int ChunkLength(IReadOnlyList<int> ids) => Enumerable.Range(1, ids.Count)
        .FirstOrDefault(length => ids.Count % length == 0 && Enumerable.Range(0, ids.Count / length).All(chunk => ids[chunk * length] == ids[0]));

    private string NameOf(TextEmbedding prompt, int index)
    {
        IReadOnlyList<PromptShare> all = Image.Stages is StageList stages ? PromptShare.Of(stages) : [];
        PromptShare[] own = [.. all.Where(share => share.Prompt == prompt.Prompt)];
        if (own.Any(IsMerged))
            return string.Join("; ", own.Select((share, place) => InWords(share, isFirst: place == 0)));
        if (prompt.Prompt.Length == 0 && index > 0)
            return "Negative prompt: none";
        if (prompt.Prompt == Image.NegativePrompt && index > 0)
            return "Negative prompt";
        return index == 0 && !all.Any(IsMerged) ? "Prompt" : "Another prompt";

        bool IsMerged(PromptShare share) => all.Count(other => other.IsNegative == share.IsNegative) > 1;

        string InWords(PromptShare share, bool isFirst)
        {
            if (!IsMerged(share))
                return share.IsNegative ? "negative prompt" : "Prompt";
            string noun = share.IsNegative ? "negative prompt" : "prompt";
            string name = share.Prompt.Length == 0 ? $"{(isFirst ? "No" : "no")} {noun}" : $"{(isFirst ? "One" : "one")} of the {noun}s";
            return string.Create(CultureInfo.InvariantCulture, $"{name}, weight {share.Weight:0.###}");
        }
    }

    private ReportStep[] Describe(IReadOnlyList<StepLatent> steps, CancellationToken cancellationToken)
    {
        int every = (steps.Count + MostFrames - 1) / MostFrames;
        return [.. steps.Select((step, index) => new ReportStep(
            index + 1,
            index % every == 0 || index == steps.Count - 1 ? Frame(step, index + 1, cancellationToken) : null,
            step.Timestep,
            double.IsFinite(step.Sigma) ? step.Sigma : null,
            TensorPrimitives.StdDev<float>(step.Tensor.Span),
            step.GuidanceNorm / step.ConditionalNorm))];
    }

    private ReportImage Frame(StepLatent step, int number, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ReportImage.Of(Decode(step.Denoised), string.Create(CultureInfo.InvariantCulture, $"Step {number}, timestep {step.Timestep:0}"), FrameSide, cancellationToken);
    }

    private static string TextOf(object? value) => value switch
    {
        null => string.Empty,
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? string.Empty,
    };
}

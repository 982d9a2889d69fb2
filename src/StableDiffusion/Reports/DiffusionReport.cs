using System.Globalization;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Images;
using StableDiffusion.Settings;
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

    // Above these sides, PNG files of photographs become large.
    private const int PngSide = 128;
    private const int Quality = 85;
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
        Image = Encode(Image, Image.Prompt ?? "The image", ImageSide, cancellationToken),
        Verdict = Image.Pixels.AsSpan().SequenceEqual(Again.Pixels) ? "The image was made again for this page, and has the same pixels." : "The image was made again for this page, and came out with other pixels. What follows is about the image as it was made again.",
        Remark = Image.Stages?.HasMergedLatent == true && Recorder.Denoisings.Count > 1 ? $"Its latent was merged from those of {Recorder.Denoisings.Count} denoisings. The steps that follow are those of the last one alone." : null,
        Settings = [.. SettingTable.Rows.Where(static row => row.Name is not nameof(GenerationSettings.Prompt)).Select(row => (row.Name, Value: TextOf(row.Get(Image.Info)))).Where(static row => row.Value.Length > 0)],
        Prompts = [.. Recorder.Prompts.Select((prompt, index) => Describe(prompt, index, cancellationToken))],
        Steps = Recorder.Denoisings.Count == 0 ? [] : Describe(Recorder.Denoisings[^1], cancellationToken),
        Channels = Recorder.Latent is Latent latent ? [.. LatentChannel.Split(latent, scale: ChannelScale).Select(channel => Encode(channel.Image, string.Create(CultureInfo.InvariantCulture, $"{channel}"), FrameSide, cancellationToken))] : [],
        Stages = Recorder.Stages,
        Script = Script,
        Made = $"Made again with {Again.Info.Stages?.Select(static stage => stage.Made).LastOrDefault(static made => made is not null)}.",
    });

    private ReportPrompt Describe(TextEmbedding prompt, int index, CancellationToken cancellationToken)
    {
        IReadOnlyList<AttentionMap> maps = index == 0 && Recorder.Latent?.Attention is not null ? Recorder.Latent.FindAttention(new AttentionQuery()) : [];
        Dictionary<int, ReportImage> images = [];
        foreach (AttentionMap map in maps)
        {
            ReportImage image = Encode(map.ToImage(Again), $"Where the image looked at '{map.Token}'", FrameSide, cancellationToken);
            foreach (int position in map.Positions)
                images[position] = image;
        }

        // Position 0 of the vectors is the mark of the start.
        ReportToken[] tokens = [.. prompt.WeightedTokens.Select((token, place) => new ReportToken(token.Text, token.Id, token.Weight, images.GetValueOrDefault(place + 1)))];
        string name = Image.Stages?.HasMergedPrompt == true && prompt.Prompt.Length > 0 ? "One of the prompts" : index == 0 ? "Prompt" : prompt.Prompt.Length == 0 ? "Negative prompt: none" : prompt.Prompt == Image.NegativePrompt ? "Negative prompt" : "Another prompt";
        return new ReportPrompt(name, tokens, prompt.LostText);
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
        return Encode(Decode(step.Denoised), string.Create(CultureInfo.InvariantCulture, $"Step {number}, timestep {step.Timestep:0}"), FrameSide, cancellationToken);
    }

    private static string TextOf(object? value) => value switch
    {
        null => string.Empty,
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? string.Empty,
    };

    /// <summary>Encodes an image, made smaller if a side is longer than is shown.</summary>
    private static ReportImage Encode(DiffusionImage image, string text, int side, CancellationToken cancellationToken)
    {
        double part = Math.Min(1, (double)side / Math.Max(image.Width, image.Height));
        if (part < 1)
            image = ImageResize.Resize(image, Math.Max((int)(image.Width * part), 1), Math.Max((int)(image.Height * part), 1), ResizeMode.Stretch);
        ImageFormat format = Math.Max(image.Width, image.Height) <= PngSide ? ImageFormat.Png : ImageFormat.Jpeg;
        return new ReportImage(ImageEncoder.Encode(image, format, new ImageWriteOptions { Quality = Quality, Metadata = false }, ImageTexts.None, cancellationToken), text);
    }
}

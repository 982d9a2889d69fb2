using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace StableDiffusion.Reports;

/// <summary>What a report shows: texts, numbers and images, already chosen and in order.</summary>
internal sealed record ReportContent
{
    /// <summary>The title, such as the prompt.</summary>
    public required string Title { get; init; }

    /// <summary>The image.</summary>
    public required ReportImage Image { get; init; }

    /// <summary>Whether making the image again gave the same pixels, in a sentence.</summary>
    public required string Verdict { get; init; }

    /// <summary>What a reader must know of the steps, in sentences; null for nothing.</summary>
    public string? Remark { get; init; }

    /// <summary>The settings, as name and value.</summary>
    public IReadOnlyList<(string Name, string Value)> Settings { get; init; } = [];

    /// <summary>The prompts, each with its tokens.</summary>
    public IReadOnlyList<ReportPrompt> Prompts { get; init; } = [];

    /// <summary>The steps of the denoising.</summary>
    public IReadOnlyList<ReportStep> Steps { get; init; } = [];

    /// <summary>The channels of the latent, each as a gray image with a sentence about its values.</summary>
    public IReadOnlyList<ReportImage> Channels { get; init; } = [];

    /// <summary>How long the stages took, and how much memory the process used after each of them.</summary>
    public IReadOnlyList<ReportStage> Stages { get; init; } = [];

    /// <summary>The script that makes the image again; null if there is none.</summary>
    public string? Script { get; init; }

    /// <summary>The versions and the device.</summary>
    public required string Made { get; init; }
}

/// <summary>An image of a report.</summary>
/// <param name="File">The bytes of a PNG or JPEG file.</param>
/// <param name="Text">What it shows.</param>
internal sealed record ReportImage(byte[] File, string Text)
{
    private const byte StartOfJpeg = 0xFF;

    // Above this side, PNG files of photographs become large.
    private const int PngSide = 128;
    private const int Quality = 85;

    /// <summary>Encodes an image, made smaller if a side is longer than is shown.</summary>
    /// <param name="image">The image.</param>
    /// <param name="text">What it shows.</param>
    /// <param name="side">The longest side that is shown, in pixels.</param>
    /// <param name="cancellationToken">Cancels the encoding.</param>
    /// <param name="isSmall">Whether few bytes matter more than the very pixels of a small image.</param>
    public static ReportImage Of(DiffusionImage image, string text, int side, CancellationToken cancellationToken, bool isSmall = false)
    {
        image = Shrink(image, side);
        ImageFormat format = !isSmall && Math.Max(image.Width, image.Height) <= PngSide ? ImageFormat.Png : ImageFormat.Jpeg;
        return new ReportImage(ImageEncoder.Encode(image, format, new ImageWriteOptions { Quality = Quality, Metadata = false }, ImageTexts.None, cancellationToken), text);
    }

    /// <summary>Makes an image smaller if a side is longer than another.</summary>
    /// <param name="image">The image.</param>
    /// <param name="side">The longest side, in pixels.</param>
    public static DiffusionImage Shrink(DiffusionImage image, int side)
    {
        double part = Math.Min(1, (double)side / Math.Max(image.Width, image.Height));
        return part < 1 ? ImageResize.Resize(image, Math.Max((int)(image.Width * part), 1), Math.Max((int)(image.Height * part), 1), ResizeMode.Stretch) : image;
    }

    /// <summary>The image as the address of a page.</summary>
    public string Address => $"data:image/{(File[0] == StartOfJpeg ? "jpeg" : "png")};base64,{Convert.ToBase64String(File)}";
}

/// <summary>A prompt of a report.</summary>
/// <param name="Name">What it is, such as negative prompt.</param>
/// <param name="Tokens">Its tokens, in order.</param>
/// <param name="LostText">The text that did not fit; empty for none.</param>
internal sealed record ReportPrompt(string Name, IReadOnlyList<ReportToken> Tokens, string LostText)
{
    /// <summary>How many of the tokens have a map that the page has no room for.</summary>
    public int MissingMaps { get; init; }
}

/// <summary>A token of a report.</summary>
/// <param name="Text">Its text.</param>
/// <param name="Id">Its number in the vocabulary.</param>
/// <param name="Weight">Its weight; 1 is neutral.</param>
/// <param name="Map">The image with where the U-Net looked at the token; null if unknown.</param>
internal sealed record ReportToken(string Text, int Id, double Weight, ReportImage? Map);

/// <summary>A step of a report.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Image">The image at this step; null if the step is not shown.</param>
/// <param name="Timestep">The timestep at which the U-Net ran; null if unknown.</param>
/// <param name="Sigma">The noise level before the step; null if unknown.</param>
/// <param name="Spread">The standard deviation of the latent's values after it.</param>
/// <param name="Guidance">The distance between the noise predictions with and without the prompt, as a part of the norm of the former; null if unknown.</param>
internal sealed record ReportStep(int Number, ReportImage? Image, double? Timestep, double? Sigma, double Spread, double? Guidance);

/// <summary>A stage of a report.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Time">How long it took.</param>
/// <param name="Memory">The resident memory of the process after it, in bytes.</param>
internal sealed record ReportStage(string Name, TimeSpan Time, long Memory);

namespace StableDiffusion.Images.Animations;

/// <summary>Encodes an animation frame by frame: what its file has for each frame, and what comes before and after all of them.</summary>
internal abstract class AnimationEncoder
{
    /// <summary>The longest side of a frame in pixels.</summary>
    public abstract int LongestSide { get; }

    /// <summary>An encoder.</summary>
    /// <param name="format">The format.</param>
    public static AnimationEncoder Create(AnimationFormat format) => format == AnimationFormat.Gif ? new GifAnimation() : new PngAnimation();

    /// <summary>Encodes the next frame.</summary>
    /// <param name="frame">The image.</param>
    /// <param name="delay">How long it is shown, in milliseconds.</param>
    /// <param name="cancellationToken">Cancels the encoding.</param>
    /// <returns>The bytes, which follow those of the frame before.</returns>
    public abstract byte[] EncodeFrame(DiffusionImage frame, int delay, CancellationToken cancellationToken);

    /// <summary>Encodes the start of the file.</summary>
    /// <param name="width">The width of the frames in pixels.</param>
    /// <param name="height">The height of the frames in pixels.</param>
    /// <param name="count">The number of frames.</param>
    /// <param name="plays">How many times the animation is played; 0 for no end.</param>
    /// <param name="record">The record; empty for none.</param>
    public abstract byte[] EncodeStart(int width, int height, int count, int plays, string record);

    /// <summary>Encodes the end of the file.</summary>
    public abstract byte[] EncodeEnd();
}

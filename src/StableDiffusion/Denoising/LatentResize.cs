using System.Globalization;
using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>
/// Resizes latents, as torch's <c>interpolate</c> does with <c>align_corners</c> false, whose modes A1111 names "Latent", "Latent
/// (antialiased)" and so on; and by <c>bislerp</c>, as in ComfyUI.
/// </summary>
public static class LatentResize
{
    // Of the cubic through four points, and of the one that is a filter (Keys 1981; Pillow's).
    private const double Sharp = -0.75;
    private const double Smooth = -0.5;

    // Nearer than this, two directions count as the same or as opposite.
    private const float Parallel = 1e-5f;

    private const int MostScale = 64;

    // The largest size of an image that a latent is resized for, in pixels.
    private const long MostPixels = 64L << 20;

    /// <summary>Resizes a latent.</summary>
    /// <param name="latent">The latent, whose denoising is complete.</param>
    /// <param name="width">The new width of the image, in pixels.</param>
    /// <param name="height">The new height of the image, in pixels.</param>
    /// <param name="mode">How values between others are found.</param>
    /// <param name="antialias">Whether every cell that a new one covers counts; with <see cref="LatentResizeMode.Bilinear"/> and <see cref="LatentResizeMode.Bicubic"/> only. It makes a difference when a latent becomes smaller, and with Bicubic in any case.</param>
    /// <param name="resizeMode">Stretch, or Crop to keep the aspect ratio: the latent is resized to cover the new size, and what is too much is cut off on both sides.</param>
    /// <returns>The new latent, with the settings of the old one and a stage more.</returns>
    /// <exception cref="InvalidSettingException">The size is not a multiple of <see cref="Latent.Factor"/> or is out of range, or the mode has no antialiasing.</exception>
    /// <exception cref="NotFiniteException">A value is NaN, infinite, or far beyond those of models.</exception>
    public static Latent Resize(Latent latent, int width, int height, LatentResizeMode mode, bool antialias, ResizeMode resizeMode = ResizeMode.Stretch)
    {
        ArgumentNullException.ThrowIfNull(latent);
        if (resizeMode is not (ResizeMode.Stretch or ResizeMode.Crop))
            throw new InvalidSettingException(nameof(ResizeMode), $"A latent cannot be resized with the resize mode {resizeMode}. Choose Stretch or Crop.");
        if (antialias && mode is not (LatentResizeMode.Bilinear or LatentResizeMode.Bicubic))
            throw new InvalidSettingException("Antialias", $"The mode {mode} has no antialiasing. Choose Bilinear or Bicubic, or omit Antialias.");
        if (!latent.IsComplete)
            throw new InvalidSettingException("Latent", $"The denoising of the latent was stopped at step {latent.Step} of {latent.StepCount}, and its noise belongs to its size. Resize a latent that is denoised to the end.");
        int factor = latent.Factor;
        Check("Width", width);
        Check("Height", height);
        latent.CheckFinite();

        (int toWidth, int toHeight) = ImageResize.ScaledSize(latent.Tensor.Shape[3] * factor, latent.Tensor.Shape[2] * factor, width, height, resizeMode);
        if ((long)toWidth * toHeight > MostPixels)
            throw new InvalidSettingException(nameof(ResizeMode), $"To be cropped to {width}x{height} pixels, the latent would first be resized to {toWidth}x{toHeight}, which is too large. Choose the resize mode Stretch.");
        Tensor resized = Center(Resize(latent.Tensor, toHeight / factor, toWidth / factor, mode, antialias), height / factor, width / factor);
        StageList stages = latent.Origin().Append(
            StageOperation.ResizeLatent,
            StageList.Hash<float>(resized.Span),
            [("Width", (long)width), ("Height", (long)height), ("Mode", mode.ToString()), .. antialias ? ((string, object)[])[("Antialias", true)] : [], .. resizeMode == ResizeMode.Crop ? ((string, object)[])[(nameof(ResizeMode), nameof(ResizeMode.Crop))] : []]);

        // The numbers that were drawn for the old size, and its image, do not belong to the new one.
        return new Latent(resized, latent.Info with { Width = width, Height = height, Stages = stages }, latent.Step, latent.StepCount) { Maker = latent.Maker };

        void Check(string side, int length)
        {
            if (length < factor || length % factor != 0 || (long)width * height > MostPixels)
                throw new InvalidSettingException(side, $"A latent cannot be resized to {width}x{height} pixels: each side must be a multiple of {factor}, and the whole at most {MostPixels >> 20} megapixels.");
        }
    }

    /// <summary>Resizes a latent by a factor.</summary>
    /// <param name="latent">The latent, whose denoising is complete.</param>
    /// <param name="scale">The factor that both sides of the image are multiplied by; they are rounded down to whole cells, as in A1111.</param>
    /// <param name="mode">How values between others are found.</param>
    /// <param name="antialias">As for <see cref="Resize(Latent, int, int, LatentResizeMode, bool, ResizeMode)"/>.</param>
    /// <inheritdoc cref="Resize(Latent, int, int, LatentResizeMode, bool, ResizeMode)"/>
    public static Latent Scale(Latent latent, double scale, LatentResizeMode mode, bool antialias)
    {
        ArgumentNullException.ThrowIfNull(latent);
        if (!(scale is > 0 and <= MostScale))
            throw new InvalidSettingException("Scale", $"The scale {scale.ToString(CultureInfo.InvariantCulture)} is out of range: it must be above 0 and at most {MostScale}.");
        return Resize(latent, Side(3), Side(2), mode, antialias);

        int Side(int axis) => Math.Max((int)(latent.Tensor.Shape[axis] * latent.Factor * scale) / latent.Factor, 1) * latent.Factor;
    }

    /// <summary>Resizes the values of a latent.</summary>
    /// <param name="values">The values, [batch, channels, height, width].</param>
    /// <param name="height">The new height in cells.</param>
    /// <param name="width">The new width in cells.</param>
    /// <param name="mode">How values between others are found.</param>
    /// <param name="antialias">As for <see cref="Resize(Latent, int, int, LatentResizeMode, bool, ResizeMode)"/>.</param>
    internal static Tensor Resize(Tensor values, int height, int width, LatentResizeMode mode, bool antialias)
    {
        if (mode == LatentResizeMode.Bislerp)
            return AlongArcs(AlongArcs(values, axis: 3, width), axis: 2, height);
        return AlongAxis(AlongAxis(values, axis: 3, width, mode, antialias), axis: 2, height, mode, antialias);
    }

    /// <summary>The middle of a latent.</summary>
    private static Tensor Center(Tensor values, int height, int width)
    {
        (int top, int left) = ((values.Shape[2] - height) / 2, (values.Shape[3] - width) / 2);
        if (values.Shape[2] == height && values.Shape[3] == width)
            return values;

        Tensor center = new(values.Shape[0], values.Shape[1], height, width);
        for (int row = 0; row < center.Length / width; row++)
        {
            (int plane, int y) = (row / height, row % height);
            values.Span.Slice((((plane * values.Shape[2]) + top + y) * values.Shape[3]) + left, width).CopyTo(center.Span[(row * width)..]);
        }

        return center;
    }

    private static Tensor AlongAxis(Tensor values, int axis, int length, LatentResizeMode mode, bool antialias)
    {
        Tap[][] taps = Taps(values.Shape[axis], length, mode, antialias);
        (Tensor resized, int inner) = Target(values, axis, length);
        int outer = values.Length / (values.Shape[axis] * inner);
        for (int block = 0; block < outer; block++)
        {
            ReadOnlySpan<float> from = values.Span.Slice(block * values.Shape[axis] * inner, values.Shape[axis] * inner);
            Span<float> to = resized.Span.Slice(block * length * inner, length * inner);
            for (int i = 0; i < length; i++)
            {
                for (int j = 0; j < inner; j++)
                {
                    double sum = 0;
                    foreach (Tap tap in taps[i])
                        sum += tap.Weight * from[(tap.Index * inner) + j];
                    to[(i * inner) + j] = (float)sum;
                }
            }
        }

        return resized;
    }

    private static (Tensor Resized, int Inner) Target(Tensor values, int axis, int length)
    {
        int[] shape = [.. values.Shape];
        shape[axis] = length;
        return (new Tensor(shape), values.Shape.Skip(axis + 1).Aggregate(1, static (product, side) => product * side));
    }

    /// <summary>The cells that each new cell is the weighted sum of.</summary>
    private static Tap[][] Taps(int from, int to, LatentResizeMode mode, bool antialias)
    {
        double scale = (double)from / to;
        return [.. Enumerable.Range(0, to).Select(i => (mode, antialias) switch
        {
            (LatentResizeMode.Nearest, _) => [new Tap(Math.Min((int)(i * ((float)from / to)), from - 1), 1)],
            (LatentResizeMode.NearestExact, _) => [new Tap(Math.Min((int)((i + 0.5f) * ((float)from / to)), from - 1), 1)],
            (_, true) => Filtered(i),
            (LatentResizeMode.Bicubic, _) => Cubic((scale * (i + 0.5)) - 0.5),
            _ => Linear(Math.Max((scale * (i + 0.5)) - 0.5, 0)),
        })];

        Tap[] Linear(double position)
        {
            int first = (int)position;
            double part = position - first;
            return [new Tap(first, 1 - part), new Tap(Math.Min(first + 1, from - 1), part)];
        }

        Tap[] Cubic(double position)
        {
            int first = (int)Math.Floor(position);
            return [.. Enumerable.Range(first - 1, 4).Select(index => new Tap(Math.Clamp(index, 0, from - 1), Resampler.Cubic(position - index, Sharp)))];
        }

        Tap[] Filtered(int index)
        {
            bool isCubic = mode == LatentResizeMode.Bicubic;
            (int first, double[] weights) = Resampler.TapsOf(index, from, scale, isCubic ? 2 : 1, distance => isCubic ? Resampler.Cubic(distance, Smooth) : Math.Max(1 - Math.Abs(distance), 0));
            return [.. weights.Select((weight, i) => new Tap(first + i, weight))];
        }
    }

    private static Tensor AlongArcs(Tensor values, int axis, int length)
    {
        // All channels of a cell together are the direction that turns.
        int channels = values.Shape[1], from = values.Shape[axis];
        (Tensor resized, int inner) = Target(values, axis, length);
        int cells = values.Length / (values.Shape[0] * channels), newCells = resized.Length / (values.Shape[0] * channels);
        float scale = (float)from / length;
        float[] first = new float[channels], second = new float[channels];
        for (int batch = 0; batch < values.Shape[0]; batch++)
        {
            for (int cell = 0; cell < newCells; cell++)
            {
                (int row, int i, int j) = (cell / (length * inner), cell / inner % length, cell % inner);

                // ComfyUI resizes the numbers of the cells, and those of the cells after them, in floats.
                float position = Interpolated(i, step: 0);
                Read((int)position, first);
                Read((int)Interpolated(i, step: 1), second);
                Turn(first, second, position - MathF.Floor(position));
                for (int channel = 0; channel < channels; channel++)
                    resized.Values[(((batch * channels) + channel) * newCells) + cell] = first[channel];

                void Read(int index, float[] vector)
                {
                    for (int channel = 0; channel < channels; channel++)
                        vector[channel] = values.Values[(((batch * channels) + channel) * cells) + (((row * from) + index) * inner) + j];
                }
            }
        }

        return resized;

        float Interpolated(int index, int step)
        {
            float exact = MathF.Max((scale * (index + 0.5f)) - 0.5f, 0), part = exact - (int)exact;
            return ((1 - part) * Number((int)exact)) + (part * Number((int)exact + 1));

            float Number(int cell) => Math.Min(Math.Min(cell, from - 1) + step, from - 1);
        }
    }

    /// <summary>Turns a vector towards another one, and changes its length in proportion (Shoemake 1985). In floats as in ComfyUI, since the angle between two near directions depends on their rounding.</summary>
    private static void Turn(Span<float> first, ReadOnlySpan<float> second, float part)
    {
        float length = MathF.Sqrt(Product(first, 1, first, 1)), other = MathF.Sqrt(Product(second, 1, second, 1)), lengthen = (length * (1 - part)) + (other * part);
        float cosine = length > 0 && other > 0 ? Product(first, length, second, other) : 0;
        if (cosine > 1 - Parallel)
            return;

        bool isOpposite = cosine < Parallel - 1;
        float angle = MathF.Acos(cosine), sine = MathF.Sin(angle);
        for (int channel = 0; channel < first.Length; channel++)
        {
            first[channel] = isOpposite
                ? (first[channel] * (1 - part)) + (second[channel] * part)
                : ((MathF.Sin((1 - part) * angle) / sine * Direction(first[channel], length)) + (MathF.Sin(part * angle) / sine * Direction(second[channel], other))) * lengthen;
        }

        static float Direction(float value, float length) => length == 0 ? 0 : value / length;

        // One after another, since two nearly opposite directions multiply the rounding.
        static float Product(ReadOnlySpan<float> a, float ofA, ReadOnlySpan<float> b, float ofB)
        {
            float sum = 0;
            for (int i = 0; i < a.Length; i++)
                sum += a[i] / ofA * (b[i] / ofB);
            return sum;
        }
    }

    private readonly record struct Tap(int Index, double Weight);
}

using System.Buffers.Binary;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace StableDiffusion.Images;

/// <summary>
/// Converts the pixels of an image with an ICC profile to sRGB. Supported are profiles with a matrix and three curves, which
/// cameras, phones and screens use, and gray profiles with one curve. Source: ICC.1:2022, sections 7.2, 9.2, 10.6 and 10.18; F.3.
/// </summary>
internal static class ColorProfile
{
    private const int HeaderSize = 128;
    private const int EntrySize = 12;
    private const int Levels = byte.MaxValue + 1;

    // Differences below half a level are ignored, so that sRGB images keep their exact pixels.
    private const float MatrixTolerance = 0.002f;
    private const float CurveTolerance = 0.5f / byte.MaxValue;

    // From the profile connection space, XYZ with D50, to linear sRGB.
    private static readonly float[,] s_toSrgb =
    {
        { 3.1338561f, -1.6168667f, -0.4906146f },
        { -0.9787684f, 1.9161415f, 0.0334540f },
        { 0.0719453f, -0.2289914f, 1.4052427f },
    };

    private static readonly byte[] s_encoded = [.. Enumerable.Range(0, ushort.MaxValue + 1).Select(value => (byte)Math.Round(Encode(value / (double)ushort.MaxValue) * byte.MaxValue))];

    /// <summary>Converts an image. A profile that is damaged, or for another kind of image, is ignored, as in most viewers.</summary>
    /// <param name="image">The image.</param>
    /// <param name="profile">The profile's bytes.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <exception cref="ImageInvalidException">The kind of profile is not supported.</exception>
    public static void ToSrgb(Image<Rgba32> image, ReadOnlySpan<byte> profile, string name)
    {
        if (profile.Length < HeaderSize + sizeof(uint) || !profile[36..].StartsWith("acsp"u8))
            return;

        ReadOnlySpan<byte> space = profile.Slice(16, 4);
        if (space.SequenceEqual("CMYK"u8) || (space.SequenceEqual("RGB "u8) && Find(profile, "rXYZ"u8).IsEmpty && !Find(profile, "A2B0"u8).IsEmpty))
            throw new ImageInvalidException($"{name} has a table-based color profile, as printers use, which is not supported. Convert the image to sRGB with an image editor first.");

        if (space.SequenceEqual("GRAY"u8) && ReadCurve(Find(profile, "kTRC"u8)) is float[] curve && IsGrey(image))
            Convert(image, [curve, curve, curve], new float[,] { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } });
        else if (space.SequenceEqual("RGB "u8) && ReadCurve(Find(profile, "rTRC"u8)) is float[] red && ReadCurve(Find(profile, "gTRC"u8)) is float[] green
            && ReadCurve(Find(profile, "bTRC"u8)) is float[] blue && ReadMatrix(profile) is float[,] matrix)
            Convert(image, [red, green, blue], matrix);
    }

    private static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> profile, ReadOnlySpan<byte> tag)
    {
        ReadOnlySpan<byte> entries = profile[(HeaderSize + sizeof(uint))..];
        for (uint left = BinaryPrimitives.ReadUInt32BigEndian(profile[HeaderSize..]); left > 0 && entries.Length >= EntrySize; left--, entries = entries[EntrySize..])
        {
            uint offset = BinaryPrimitives.ReadUInt32BigEndian(entries[4..]);
            uint size = BinaryPrimitives.ReadUInt32BigEndian(entries[8..]);
            if (entries.StartsWith(tag) && (ulong)offset + size <= (ulong)profile.Length)
                return profile.Slice((int)offset, (int)size);
        }

        return [];
    }

    /// <summary>The linear light of each level, 0 to 1; null if the curve is damaged.</summary>
    private static float[]? ReadCurve(ReadOnlySpan<byte> tag)
    {
        const int DataOffset = 12;
        if (tag.Length < DataOffset)
            return null;

        Func<double, double>? curve = null;
        if (tag.StartsWith("para"u8))
        {
            double[] numbers = new double[(tag.Length - DataOffset) / sizeof(int)];
            for (int i = 0; i < numbers.Length; i++)
                numbers[i] = ReadFixed(tag, DataOffset + (i * sizeof(int)));
            curve = Parametric(BinaryPrimitives.ReadUInt16BigEndian(tag[8..]), numbers);
        }
        else if (tag.StartsWith("curv"u8))
        {
            uint count = BinaryPrimitives.ReadUInt32BigEndian(tag[8..]);
            if (count > (tag.Length - DataOffset) / sizeof(ushort))
                return null;

            double[] points = new double[count];
            for (int i = 0; i < points.Length; i++)
                points[i] = BinaryPrimitives.ReadUInt16BigEndian(tag[(DataOffset + (i * sizeof(ushort)))..]);
            curve = points.Length switch
            {
                0 => value => value,
                1 => value => Math.Pow(value, points[0] / 256),
                _ => value => Interpolate(points, value) / ushort.MaxValue,
            };
        }

        return curve is null ? null : [.. Enumerable.Range(0, Levels).Select(level => (float)Math.Clamp(curve(level / (double)byte.MaxValue), 0, 1))];
    }

    private static double Interpolate(double[] points, double value)
    {
        double place = value * (points.Length - 1);
        int lower = Math.Min((int)place, points.Length - 2);
        return points[lower] + ((points[lower + 1] - points[lower]) * (place - lower));
    }

    // The parameters are g, a, b, c, d, e, f; each function type has the first few of them.
    private static Func<double, double>? Parametric(int kind, double[] n) => (kind, n.Length) switch
    {
        (0, >= 1) => x => Math.Pow(x, n[0]),
        (1, >= 3) => x => x >= -n[2] / n[1] ? Math.Pow((n[1] * x) + n[2], n[0]) : 0,
        (2, >= 4) => x => x >= -n[2] / n[1] ? Math.Pow((n[1] * x) + n[2], n[0]) + n[3] : n[3],
        (3, >= 5) => x => x >= n[4] ? Math.Pow((n[1] * x) + n[2], n[0]) : n[3] * x,
        (4, >= 7) => x => x >= n[4] ? Math.Pow((n[1] * x) + n[2], n[0]) + n[5] : (n[3] * x) + n[6],
        _ => null,
    };

    private static float[,]? ReadMatrix(ReadOnlySpan<byte> profile)
    {
        const int DataOffset = 8;
        float[,] matrix = new float[3, 3];
        for (int color = 0; color < 3; color++)
        {
            ReadOnlySpan<byte> tag = Find(profile, color switch { 0 => "rXYZ"u8, 1 => "gXYZ"u8, _ => "bXYZ"u8 });
            if (tag.Length < DataOffset + (3 * sizeof(int)))
                return null;

            for (int row = 0; row < 3; row++)
            {
                for (int i = 0; i < 3; i++)
                    matrix[row, color] += s_toSrgb[row, i] * (float)ReadFixed(tag, DataOffset + (i * sizeof(int)));
            }
        }

        return matrix;
    }

    private static double ReadFixed(ReadOnlySpan<byte> tag, int offset) => BinaryPrimitives.ReadInt32BigEndian(tag[offset..]) / 65536.0;

    private static bool IsGrey(Image<Rgba32> image)
    {
        bool isGrey = true;
        image.ProcessPixelRows(rows =>
        {
            for (int y = 0; isGrey && y < rows.Height; y++)
            {
                foreach (Rgba32 pixel in rows.GetRowSpan(y))
                    isGrey &= pixel.R == pixel.G && pixel.G == pixel.B;
            }
        });
        return isGrey;
    }

    private static void Convert(Image<Rgba32> image, float[][] curves, float[,] m)
    {
        if (IsSrgb(curves, m))
            return;

        float[] red = curves[0];
        float[] green = curves[1];
        float[] blue = curves[2];
        image.ProcessPixelRows(rows =>
        {
            for (int y = 0; y < rows.Height; y++)
            {
                foreach (ref Rgba32 pixel in rows.GetRowSpan(y))
                {
                    (float r, float g, float b) = (red[pixel.R], green[pixel.G], blue[pixel.B]);
                    pixel.R = ToLevel((m[0, 0] * r) + (m[0, 1] * g) + (m[0, 2] * b));
                    pixel.G = ToLevel((m[1, 0] * r) + (m[1, 1] * g) + (m[1, 2] * b));
                    pixel.B = ToLevel((m[2, 0] * r) + (m[2, 1] * g) + (m[2, 2] * b));
                }
            }
        });

        static byte ToLevel(float light) => s_encoded[(int)((Math.Clamp(light, 0, 1) * ushort.MaxValue) + 0.5f)];
    }

    private static bool IsSrgb(float[][] curves, float[,] matrix)
    {
        bool isSrgb = true;
        for (int row = 0; row < 3; row++)
        {
            for (int column = 0; column < 3; column++)
                isSrgb &= Math.Abs(matrix[row, column] - (row == column ? 1 : 0)) < MatrixTolerance;
        }

        return isSrgb && curves.All(curve => curve.Index().All(item => Math.Abs(Encode(item.Item) - (item.Index / (double)byte.MaxValue)) < CurveTolerance));
    }

    // IEC 61966-2-1.
    private static double Encode(double light) => light <= 0.0031308 ? 12.92 * light : (1.055 * Math.Pow(light, 1 / 2.4)) - 0.055;
}

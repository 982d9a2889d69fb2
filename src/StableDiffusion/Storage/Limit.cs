using System.Globalization;

namespace StableDiffusion.Storage;

/// <summary>A limit on the work for one input, which a person can raise by an environment variable.</summary>
/// <param name="variable">The name of the variable.</param>
/// <param name="standard">The limit without it.</param>
internal sealed class Limit(string variable, long standard)
{
    /// <summary>The number of bytes in a megabyte of a limit.</summary>
    public const int BytesPerMegabyte = 1_000_000;

    /// <summary>The name of the variable.</summary>
    public string Variable => variable;

    /// <summary>The limit, as the variable is at the moment.</summary>
    /// <exception cref="InvalidSettingException">The variable does not hold a whole number above 0.</exception>
    public long Value
    {
        get
        {
            string? text = Environment.GetEnvironmentVariable(variable);
            if (string.IsNullOrWhiteSpace(text))
                return standard;
            return long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long value) && value > 0
                ? value
                : throw new InvalidSettingException(nameof(Limit), $"The environment variable {variable} is '{ModelFilePath.Printable(text)}', but must be a whole number above 0. Correct or remove it.");
        }
    }

    /// <summary>The limit in bytes, if it is one in megabytes.</summary>
    /// <inheritdoc cref="Value"/>
    public long Bytes => Math.Min(Value, long.MaxValue / BytesPerMegabyte) * BytesPerMegabyte;
}

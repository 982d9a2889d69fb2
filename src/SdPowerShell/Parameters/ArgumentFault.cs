using System.Management.Automation;
using StableDiffusion;

namespace SdPowerShell.Parameters;

/// <summary>The errors of arguments. PowerShell shows their texts as they are, and they quote values of tables.</summary>
internal static class ArgumentFault
{
    private const int LongestValue = 200;

    /// <summary>An argument that a parameter does not take.</summary>
    /// <param name="message">What is wrong with which value, and what to give.</param>
    /// <param name="cause">The cause; a <see cref="PSInvalidCastException"/> lets PowerShell try the properties of an object.</param>
    public static ArgumentTransformationMetadataException Of(string message, Exception? cause = null) => new(PrintableText.Of(message), cause);

    /// <summary>A value as a message quotes it.</summary>
    /// <param name="value">The value.</param>
    public static string Quote(object? value) => $"'{PrintableText.Of($"{value}", LongestValue)}'";
}

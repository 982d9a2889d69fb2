using System.Collections;
using System.Management.Automation;
using StableDiffusion;

namespace SdPowerShell;

/// <summary>What the module's views show of texts that strangers wrote; the properties of the objects stay as they are.</summary>
public static class Printable
{
    /// <summary>A value without what a terminal would interpret.</summary>
    /// <param name="value">A text, a list or dictionary of texts, or any other object, which is shown as its text.</param>
    /// <returns>The value to show: a text in one line, or a list of such texts; a number as it is.</returns>
    public static object? Of(object? value) => (value is PSObject wrapped ? wrapped.BaseObject : value) switch
    {
        null => null,
        string text => PrintableText.Of(text, int.MaxValue),
        IFormattable number => number,
        IEnumerable list => list.Cast<object?>().Select(Of).ToArray(),
        object other => PrintableText.Of($"{other}", int.MaxValue),
    };
}

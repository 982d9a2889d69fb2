using System.Collections;
using System.Management.Automation;

namespace SdPowerShell.Parameters;

/// <summary>How a value in a cell of a table is written.</summary>
internal static class Cell
{
    /// <summary>What stands between the items of a list; no part of how an item is written.</summary>
    private const char Separator = ';';

    /// <summary>A value without the object that PowerShell may wrap it in.</summary>
    /// <param name="value">The value.</param>
    public static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    /// <summary>Whether a cell holds nothing, which counts as left out.</summary>
    /// <param name="value">The value, unwrapped.</param>
    public static bool IsEmpty(object? value) => value is null || (value is string text && string.IsNullOrWhiteSpace(text));

    /// <summary>The items of a list: those of an array as they are, or those of a text between semicolons.</summary>
    /// <param name="value">The value, unwrapped; anything else is a list of one.</param>
    public static IEnumerable<object?> Items(object? value) => value switch
    {
        string text => text.Split(Separator, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
        IEnumerable items => items.Cast<object?>(),
        _ => [value],
    };
}

using System.Management.Automation;

namespace HelpGenerator;

/// <summary>A parameter as PowerShell binds it.</summary>
internal sealed record CmdletParameter
{
    public required string Name { get; init; }

    /// <summary>The type, without a Nullable or the like around it.</summary>
    public required Type Type { get; init; }

    /// <summary>The full names of the types that it takes, one object at a time.</summary>
    public required IReadOnlyList<string> Accepts { get; init; }

    public required IReadOnlyList<string> Aliases { get; init; }

    public required bool Mandatory { get; init; }

    /// <summary>The position, from 0, or null for a parameter that must be named.</summary>
    public required int? Position { get; init; }

    public required bool ByValue { get; init; }

    public required bool ByPropertyName { get; init; }

    public required bool Wildcards { get; init; }

    /// <summary>The words of a ValidateSet, if the parameter has one.</summary>
    public required IReadOnlyList<string> Choices { get; init; }

    /// <summary>What a new cmdlet has in the parameter; null for nothing.</summary>
    public required string? Default { get; init; }

    /// <summary>Whether PowerShell adds the parameter to cmdlets that support ShouldProcess.</summary>
    public required bool IsShouldProcess { get; init; }

    public bool IsSwitch => Type == typeof(SwitchParameter);

    /// <summary>The values to choose from, of an enum or a ValidateSet.</summary>
    public IReadOnlyList<string> Values => Choices.Count > 0 ? Choices : ItemType.IsEnum ? Enum.GetNames(ItemType) : [];

    private Type ItemType => Type.IsArray ? Type.GetElementType()! : Type;
}

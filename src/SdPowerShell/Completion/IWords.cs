namespace SdPowerShell.Completion;

/// <summary>The words that a setting takes, and no others.</summary>
internal interface IWords
{
    /// <summary>The words.</summary>
    IReadOnlyList<string> All { get; }

    /// <summary>Throws for another word.</summary>
    /// <param name="setting">The setting's name.</param>
    /// <param name="text">The word, in any case.</param>
    /// <exception cref="StableDiffusion.InvalidSettingException">The setting does not take it.</exception>
    void Check(string setting, string text);
}

namespace SdPowerShell.Assertions;

/// <summary>What an operator of Pester's Should returns.</summary>
/// <param name="Succeeded">Whether the assertion holds.</param>
/// <param name="FailureMessage">Why it does not.</param>
public sealed record AssertionResult(bool Succeeded, string FailureMessage);
